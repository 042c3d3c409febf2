export type { Assumptions } from "./assumptions.js";
export { encryptMessage, signCallback } from "./callback-crypto.js";
export type { CallbackFormat, CallbackMessage } from "./callback-messages.js";
export type {
  CallbackAttempt,
  CallbackDelivery,
  CallbackEndpoint,
  CallbackTarget,
  SealedCallback,
} from "./callbacks.js";
export type { Effect, Fault, FaultKind } from "./faults.js";
export type { LivingShare, WatchPass } from "./timed-codes.js";
export type { Living, LivingBooking, LivingPhase, LivingViewer, Person, ReplayStatus } from "./living.js";
export type { AppOptions, CorpOptions, RateLimits, SimulatorOptions, SuiteOptions, UserOptions } from "./options.js";
export { DEMO_CORP, DOCUMENTED_RATE_LIMITS } from "./options.js";
export { seededRandom } from "./random.js";
export type { RecordedRequest } from "./request-log.js";
export { type Simulator, startSimulator } from "./simulator.js";
