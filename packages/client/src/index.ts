/** What a frontend needs to use the WeCom living gateway. The `DocumentNode`s are plain data: no parser is loaded. */
export * from "./generated/operations.js";
export { default as introspection } from "./generated/possible-types.js";
export { createIdempotencyKey } from "./idempotency-key.js";
export { createLivingOnce, type CreateOnceOptions, type Send, type SendVariables } from "./create-living-once.js";
export { type PendingCreate, type PendingOptions, pendingCreates, type PendingStorage } from "./pending-creates.js";
export { isLivingError, type LivingError, type LivingErrorName } from "./errors.js";
export { type Language, livingErrorMessage, violationMessage } from "./messages.js";
export type { TypedDocumentNode } from "./typed-document.js";
