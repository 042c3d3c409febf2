import type { CallOptions } from "../wecom/call.js";
import type { LivingStatusChanges } from "../wecom/callback/living-status-changes.js";
import type { Creates } from "../wecom/creates/creates.js";
import type { LivingDataSource } from "../wecom/living.datasource.js";
import type { LivingReader } from "./living.reader.js";

/** Who is asking, as far as the server could verify it. */
export interface LivingCaller {
  readonly scopes: ReadonlySet<string>;
  /** Their own userid at WeCom; undefined where nothing says it. */
  readonly userid: string | undefined;
  /** Tells callers apart; undefined where they cannot be. */
  readonly identity: string | undefined;
}

/** What the resolvers of one request share. Made anew for every request by `app.ts`. */
export interface LivingContext {
  readonly caller: LivingCaller;
  readonly livings: LivingDataSource;
  readonly creates: Creates;
  readonly statusChanges: LivingStatusChanges;
  /** Of the header `Idempotency-Key`. */
  readonly idempotencyKey: string | undefined;
  readonly reader: LivingReader;
  readonly call: CallOptions;
  readonly limits: { readonly first: number; readonly entities: number };
  /** By which a reply and the log lines about it are found together. */
  readonly requestId: string;
}
