import { isbot } from "isbot";
import { UAParser } from "ua-parser-js";
import type { Device } from "../event.ts";
import { createRecent } from "../recent.ts";
import type { Recognised, Witnessed } from "./stages.ts";
import { cutText } from "./text.ts";

/** What a user agent says of its browser, and whether it says that it is a bot. */
export interface Agent {
  client: Device;
  bot: boolean;
}

const MAX_AGENTS = 5_000;
const MAX_NAME = 64;

/** What people call them. */
const BROWSER_NAMES: Record<string, string> = { "Mobile Safari": "Safari", "Mobile Firefox": "Firefox" };

function nameOf(name: string | undefined): string | undefined {
  return name ? cutText(name, MAX_NAME) : undefined;
}

function deviceOf(type: string | undefined): Device["device"] {
  if (type === undefined) return "desktop";
  return type === "mobile" || type === "tablet" ? type : "other";
}

/** Reads one user agent (about 0.1 ms; the step below remembers). */
export function parseAgent(userAgent: string): Agent {
  const parser = new UAParser(userAgent);
  const { name, version } = parser.getBrowser();
  const browser = nameOf(name);
  return {
    client: {
      browser: browser && (BROWSER_NAMES[browser] ?? browser),
      browserVersion: nameOf(version),
      os: nameOf(parser.getOS().name),
      device: deviceOf(parser.getDevice().type),
    },
    bot: isbot(userAgent),
  };
}

/** The step: few user agents make up most of the traffic, so the last 5,000 are remembered. */
export function createAgentStep(): (hit: Witnessed) => Recognised {
  const agents = createRecent<Agent>(MAX_AGENTS);
  return (hit) => {
    const recognised = hit as Recognised;
    const { userAgent } = hit;
    let agent: Agent | undefined;
    if (userAgent !== undefined) {
      agent = agents.get(userAgent);
      if (!agent) {
        agent = parseAgent(userAgent);
        agents.set(userAgent, agent);
      }
    }
    recognised.client = agent?.client;
    recognised.botAgent = agent?.bot ?? false;
    return recognised;
  };
}
