export type { Assumptions } from "./assumptions.js";
export type { Effect, Fault, FaultKind } from "./faults.js";
export type { LivingShare, WatchPass } from "./five-minute-codes.js";
export type { Living, LivingBooking, LivingPhase, LivingViewer, Person, ReplayStatus } from "./living.js";
export type { AppOptions, CorpOptions, RateLimits, SimulatorOptions, UserOptions } from "./options.js";
export { DEMO_CORP, DOCUMENTED_RATE_LIMITS } from "./options.js";
export { seededRandom } from "./random.js";
export type { RecordedRequest } from "./request-log.js";
export { type Simulator, startSimulator } from "./simulator.js";
