import type { Clock } from "../clock.ts";
import { MINUTE_MS } from "../clock.ts";
import type { DropReason, RequestFacts, StoredEvent, TelemetryInput } from "../event.ts";
import type { EventStore, OwedDelivery } from "../events/event-store.ts";
import type { DailyIds } from "../identity/fingerprint.ts";
import type { ProfileStore } from "../profile-store.ts";
import { createId } from "../ids.ts";
import type { Reporter } from "../logger.ts";
import { silentReporter } from "../logger.ts";
import type { Site, WebhookEventName } from "../site.ts";
import { createAnnounceStep } from "./announce.ts";
import { labelBot } from "./bot.ts";
import type { Geo } from "./geo.ts";
import { createGeoStep } from "./geo.ts";
import { createHistorySteps } from "./history.ts";
import { checkHostname } from "./hostname.ts";
import type { VisitorKnowledge } from "./knowledge.ts";
import { createPageStep } from "./page.ts";
import type { GpcMode } from "./privacy.ts";
import { createPrivacyStep } from "./privacy.ts";
import { createReplies } from "./replies.ts";
import type { Announced, Context, Received } from "./stages.ts";
import { isDrop, isPromise, start } from "./steps.ts";
import { takeTime } from "./time.ts";
import { createAgentStep } from "./user-agent.ts";
import { createVisitorLimit } from "./visitor-limit.ts";
import { createVisitorStep } from "./visitor-step.ts";
import { takeWitness } from "./witness.ts";
import { writeEvent } from "./write.ts";

/** What became of a hit. */
export interface Receipt {
  visitorId: string;
  sessionId: string;
  eventId: string;
  pageviewId?: string;
  /** When it happened, epoch milliseconds. */
  at: number;
  /** Why it is not counted; absent when it is. */
  dropped?: DropReason;
}

export interface PipelineStats {
  /** Hits stored and counted. */
  accepted: number;
  /** Hits answered and not counted, by reason. */
  dropped: Record<DropReason, number>;
}

export interface Pipeline {
  /** Takes one hit through all steps. Resolves when it is stored; rejects with UNAVAILABLE when it could not be. */
  track(site: Site, input: TelemetryInput, facts: RequestFacts): Promise<Receipt>;
  stats(): PipelineStats;
}

export interface PipelineParts {
  profiles: ProfileStore<VisitorKnowledge>;
  events: EventStore;
  daily: DailyIds;
  geo: Geo;
  now: Clock;
  /** The webhook deliveries that an event owes; they are stored with it. @default none */
  owe?(site: Site, event: StoredEvent, knowledge: VisitorKnowledge, raised: WebhookEventName[]): OwedDelivery[];
  /** Told what an event owes once it is stored. */
  delivered?(event: StoredEvent, deliveries: OwedDelivery[]): void;
  /** Told what an event raised once it is stored. */
  raised?(event: StoredEvent, knowledge: VisitorKnowledge, names: WebhookEventName[]): void;
  /** Reads what other processes have stored by now: a repeated hit may have reached one of them. @default nothing */
  catchUp?(): Promise<void>;
  reporter?: Reporter;
  hooks?: { dropped?(info: { siteId: string; reason: string }): void };
  /** @default "exclude": stored with its label, left out of profiles, webhooks and numbers */
  bots?: "exclude" | "count";
  privacy?: { gpc?: GpcMode; keepQuery?: string[] };
  identity?: { sessionTimeoutMinutes?: number };
}

/** Takes hits from the edge to the store. */
export function createPipeline(parts: PipelineParts): Pipeline {
  const { profiles, now, hooks, reporter = silentReporter } = parts;
  const countBots = parts.bots === "count";
  const timeoutMinutes = parts.identity?.sessionTimeoutMinutes;
  const history = createHistorySteps({
    profiles,
    countBots,
    sessionTimeoutMs: timeoutMinutes === undefined ? undefined : timeoutMinutes * MINUTE_MS,
  });

  const process = start<Received, Context>()
    .step("time", takeTime)
    .step("witness", takeWitness)
    .step("user agent", createAgentStep())
    .step("bot", labelBot)
    .step("page", createPageStep(parts.privacy))
    .step("hostname", checkHostname)
    .step("geo", createGeoStep(parts.geo))
    .step("privacy", createPrivacyStep(parts.privacy))
    .step("visitor", createVisitorStep(parts.daily))
    .step("visitor limit", createVisitorLimit())
    .step("profile", history.load)
    .step("session", history.chooseSession)
    .step("event", writeEvent)
    .step("intent", history.record)
    .step("announce", createAnnounceStep())
    .step("store", (hit, context) => store(parts, hit, context))
    .end();

  const stats: PipelineStats = {
    accepted: 0,
    dropped: { bot: 0, hostname: 0, opt_out: 0, visitor_limit: 0, duplicate: 0 },
  };
  const replies = createReplies<Receipt>(now);

  function noteDrop(siteId: string, reason: DropReason): void {
    stats.dropped[reason]++;
    reporter.report("info", `dropped-${reason}`, `a hit for site "${siteId}" was not counted: ${reason}`);
    try {
      hooks?.dropped?.({ siteId, reason });
    } catch (cause) {
      reporter.report("warn", "hook-dropped", "hooks.dropped failed", cause);
    }
  }

  async function run(site: Site, input: TelemetryInput, facts: RequestFacts): Promise<Receipt> {
    if (input.retry && input.eventId !== undefined) await parts.catchUp?.();
    const hit: Received & Partial<Announced> = receive(input);
    const passed = process(hit, { site, input, facts });
    const outcome = isPromise(passed) ? await passed : passed;
    const receipt: Receipt = {
      visitorId: hit.visitorId ?? input.visitorId ?? createId("vis"),
      sessionId: hit.session?.id ?? input.sessionId ?? createId("sess"),
      eventId: hit.event?.id ?? input.eventId ?? createId("evt"),
      at: hit.at ?? facts.receivedAt,
    };
    const pageviewId = hit.pageviewId ?? (input.type === "event" ? undefined : input.pageviewId);
    if (pageviewId !== undefined) receipt.pageviewId = pageviewId;
    if (isDrop(outcome)) receipt.dropped = outcome.drop;
    else if (outcome.bot && !countBots) receipt.dropped = "bot";
    if (receipt.dropped) noteDrop(site.id, receipt.dropped);
    else stats.accepted++;
    return receipt;
  }

  return {
    track(site, input, facts) {
      if (input.eventId === undefined) return run(site, input, facts);
      const earlier = replies.get(site.id, input.eventId);
      if (earlier) {
        return earlier.then((receipt) => {
          noteDrop(site.id, "duplicate");
          return receipt;
        });
      }
      const reply = run(site, input, facts);
      replies.set(site.id, input.eventId, reply);
      return reply;
    },
    stats: () => ({ accepted: stats.accepted, dropped: { ...stats.dropped } }),
  };
}

/** The hit before the first step, with every field of the later stages in place: objects of one shape are fast. */
function receive(input: TelemetryInput): Received & Partial<Announced> {
  return {
    type: input.type,
    at: undefined,
    userAgent: undefined,
    ip: undefined,
    acceptLanguage: undefined,
    ownRequest: undefined,
    client: undefined,
    botAgent: undefined,
    bot: undefined,
    page: undefined,
    referrer: undefined,
    country: undefined,
    private: undefined,
    visitorId: undefined,
    tier: undefined,
    quality: undefined,
    before: undefined,
    isNew: undefined,
    session: undefined,
    pageviewId: undefined,
    event: undefined,
    knowledge: undefined,
    raised: undefined,
  };
}

/** The step that makes it durable, together with the webhooks it owes. */
async function store(parts: PipelineParts, hit: Announced, { site }: Context): Promise<Announced> {
  const { event, knowledge, raised } = hit;
  let deliveries: OwedDelivery[] = [];
  try {
    if (knowledge && raised.length > 0) deliveries = parts.owe?.(site, event, knowledge, raised) ?? [];
    await parts.events.append(deliveries.length > 0 ? { events: [event], deliveries } : { events: [event] });
  } catch (error) {
    if (knowledge) parts.profiles.forget(site.id, event.visitorId);
    throw error;
  }
  if (deliveries.length > 0) parts.delivered?.(event, deliveries);
  if (knowledge && raised.length > 0) parts.raised?.(event, knowledge, raised);
  return hit;
}
