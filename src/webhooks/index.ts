/** For receivers of webhooks: `import { verifyWebhook } from "wysleap/webhooks"`. */
export { generateWebhookSecret, verifyWebhook } from "./signature.ts";
