import type { AuditLog } from "./observability/audit-log.js";
import type { Caller } from "./server/auth/caller.js";
import type { CallOptions } from "./wecom/call.js";
import type { LivingStatusChanges } from "./wecom/callback/living-status-changes.js";
import type { CreateOnce } from "./wecom/create-once/create-once.js";
import type { LivingDataSource } from "./wecom/living.datasource.js";
import type { JsSdk } from "./wecom/js-sdk.js";
import type { MediaDataSource } from "./wecom/media.datasource.js";
import type { LivingReader } from "./living/living.reader.js";

/** The caller, as verified by the server. */
export type RequestCaller = Pick<Caller, "scopes" | "userid" | "identity">;

/** What the resolvers of one request share. Created per request by `app.ts`. */
export interface RequestContext {
  readonly caller: RequestCaller;
  readonly livings: LivingDataSource;
  readonly media: MediaDataSource;
  readonly jsSdk: JsSdk;
  /** Origins of pages that may get signatures. */
  readonly jsSdkOrigins: "any" | readonly string[];
  readonly creates: CreateOnce;
  readonly statusChanges: LivingStatusChanges;
  /** From the header `Idempotency-Key`. */
  readonly idempotencyKey: string | undefined;
  readonly reader: LivingReader;
  readonly call: CallOptions;
  /** Records an error that is data in the answer, by the response key of its root field. */
  noteFailure(key: string, code: string): void;
  readonly limits: { readonly first: number; readonly entities: number };
  readonly audit: Pick<AuditLog, "mayRecord" | "record">;
  /** The id in the answer and in all log lines about it. */
  readonly requestId: string;
  /** The caller's trace, if there is one. */
  readonly traceId: string | undefined;
}
