/** For receivers of webhooks: `import { createWebhookHandler } from "wysleap/webhooks"`. */
export type { NoticeOfVisitor, WebhookData, WebhookPayload } from "./notices.ts";
export { createWebhookHandler } from "./receive.ts";
export type { WebhookHandler, WebhookHandlerOptions } from "./receive.ts";
export { generateWebhookSecret, verifyWebhook } from "./signature.ts";
