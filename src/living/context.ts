import { GraphQLError } from "graphql";
import type { CallOptions } from "../wecom/call.js";
import type { LivingDataSource } from "../wecom/living.datasource.js";
import type { LivingReader } from "./living.reader.js";

export type LivingScope = "living:read" | "living:write" | "living:push" | "living:admin";

/** Who is asking, as far as the server could verify it. */
export interface LivingCaller {
  readonly scopes: ReadonlySet<string>;
}

/** What the resolvers of one request share. Made anew for every request by `app.ts`. */
export interface LivingContext {
  readonly caller: LivingCaller;
  readonly livings: LivingDataSource;
  readonly reader: LivingReader;
  readonly call: CallOptions;
}

/** @throws {GraphQLError} `FORBIDDEN`, with the scope that is missing */
export function requireScope({ scopes }: LivingCaller, scope: LivingScope): void {
  if (scopes.has(scope)) return;
  throw new GraphQLError(`This needs the scope ${scope}`, { extensions: { code: "FORBIDDEN", scope } });
}
