import type { CallOptions } from "../wecom/call.js";
import type { LivingDataSource } from "../wecom/living.datasource.js";
import type { LivingReader } from "./living.reader.js";

/** What the resolvers of one request share. Made anew for every request by `app.ts`. */
export interface LivingContext {
  readonly livings: LivingDataSource;
  readonly reader: LivingReader;
  readonly call: CallOptions;
}
