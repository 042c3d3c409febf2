import type { AuditLog } from "./observability/audit-log.js";
import type { Caller } from "./server/auth/caller.js";
import type { CallOptions } from "./wecom/call.js";
import type { LivingStatusChanges } from "./wecom/callback/living-status-changes.js";
import type { CreateOnce } from "./wecom/create-once/create-once.js";
import type { LivingDataSource } from "./wecom/living.datasource.js";
import type { JsSdk } from "./wecom/js-sdk.js";
import type { MediaDataSource } from "./wecom/media.datasource.js";
import type { LivingReader } from "./living/living.reader.js";

/** Who is asking, as far as the server could verify it. */
export type RequestCaller = Pick<Caller, "scopes" | "userid" | "identity">;

/** What the resolvers of one request share. Made anew for every request by `app.ts`. */
export interface RequestContext {
  readonly caller: RequestCaller;
  readonly livings: LivingDataSource;
  readonly media: MediaDataSource;
  readonly jsSdk: JsSdk;
  /** Of pages that may have signatures. */
  readonly jsSdkOrigins: "any" | readonly string[];
  readonly creates: CreateOnce;
  readonly statusChanges: LivingStatusChanges;
  /** Of the header `Idempotency-Key`. */
  readonly idempotencyKey: string | undefined;
  readonly reader: LivingReader;
  readonly call: CallOptions;
  /** Notes an error that is data in the answer, under the name of its root field there. */
  noteFailure(key: string, code: string): void;
  readonly limits: { readonly first: number; readonly entities: number };
  readonly audit: Pick<AuditLog, "mayRecord" | "record">;
  /** By which a reply and the log lines about it are found together. */
  readonly requestId: string;
  /** Of the trace that the caller is in, if any. */
  readonly traceId: string | undefined;
}
