/**
 * For whoever replaces a part: the promises of each interface as data. Run every case with any test runner.
 *
 * @example
 * for (const { name, run } of eventStoreCases) test(name, () => run(createMyStore));
 */
export type { ContractCase, HttpSubject } from "./case.ts";
export { CONTRACT_SITES } from "./case.ts";
export { eventStoreCases } from "./event-store-cases.ts";
export type { EventStoreSubject } from "./event-store-cases.ts";
export { httpCases } from "./http-cases.ts";
export { limiterCases } from "./limiter-cases.ts";
export type { LimiterSubject } from "./limiter-cases.ts";
export { transportCases } from "./transport-cases.ts";
export type { TransportSubject } from "./transport-cases.ts";

// Tools for a host's own tests
export { faultyDriver } from "./faulty-driver.ts";
export type { Faults } from "./faulty-driver.ts";
export { createReceiver } from "./receiver.ts";
export type { ReceivedRequest, Receiver, ReceiverAnswer, ReceiverScript } from "./receiver.ts";
