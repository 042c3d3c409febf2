/** The schema's resolvers over a WeCom that is a record of calls: what `prepare` and graphql-js alone are compared over. */
import type { GraphQLSchema } from "graphql";
import { buildLivingSubgraph } from "../../src/graphql/schema.js";
import { LivingCache } from "../../src/living/living.cache.js";
import { LivingReader } from "../../src/living/living.reader.js";
import type { RequestContext } from "../../src/request-context.js";
import type { OperationContext } from "../../src/server/graphql/context.js";
import { Executor } from "../../src/server/graphql/execution.js";
import { Preparation } from "../../src/server/graphql/prepare.js";
import { Deadline } from "../../src/wecom/deadline.js";
import { WecomApiError } from "../../src/wecom/errors.js";
import type { LivingDataSource } from "../../src/wecom/living.datasource.js";

const nothing = (): void => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
export const source = { log, requestId: "reference", request: { headers: {} } };

const limits = {
  ...{ tokens: 5000, depth: 50, aliases: 500, rootFields: 500, directives: 500, fragments: 500 },
  ...{ variables: 5000, cost: 1e9, entities: 100, first: 100 },
};

/** Asked for first, for the schema can be built once in a process. */
const { schema } = buildLivingSubgraph();

export interface Reference {
  readonly schema: GraphQLSchema;
  readonly preparation: Preparation;
  readonly executor: Executor;
  /** @param calls where each call to WeCom is noted */
  newContext(calls: unknown[]): OperationContext;
}

export function createReference(resolvers?: GraphQLSchema): Reference {
  const used = resolvers ?? schema;
  return {
    schema: used,
    preparation: new Preparation({ schema: used, limits, validationRules: [], trusted: undefined }),
    executor: new Executor({ schema: used, formatError: (formatted) => formatted }),
    newContext: (calls) => contextOver(calls),
  };
}

function contextOver(calls: unknown[]): OperationContext {
  const note = <T>(name: string, args: readonly unknown[], answer: T): Promise<T> => {
    calls.push([name, ...args]);
    const [id] = args;
    if (id !== "nonsense") return Promise.resolve(answer);
    const evidence = { api: name, mayHaveTakenEffect: false, errcode: 40058, errmsg: "nonsense" };
    return Promise.reject(new WecomApiError(evidence));
  };
  const livings = {
    create: (request: unknown) => note("create", [request], { livingid: "LIVING-9" }),
    modify: (request: unknown) => note("modify", [request], undefined),
    cancel: (id: string) => note("cancel", [id], undefined),
    deleteReplayData: (id: string) => note("deleteReplayData", [id], undefined),
    getLivingCode: (id: string, openid: unknown) => note("getLivingCode", [id, openid], "code"),
    getLivingInfo: (id: string) =>
      note("getLivingInfo", [id], {
        theme: "theme",
        status: 0,
        type: 4,
        living_start: 4102444800,
        anchor_userid: "zhangsan",
      }),
    getUserAllLivingid: (request: unknown) =>
      note("getUserAllLivingid", [request], { livingid_list: ["LIVING-1", "nonsense"], next_cursor: undefined }),
    getWatchStat: (id: string) =>
      note("getWatchStat", [id], {
        users: [{ userid: "lisi", watch_time: 7 }],
        external_users: [],
        next_key: undefined,
      }),
    getLivingShareInfo: (code: unknown) =>
      note("getLivingShareInfo", [code], { livingid: "LIVING-1", viewer_userid: "lisi" }),
  } as unknown as LivingDataSource;
  const deadline = new Deadline(60_000);
  const call = { corp: "corp", deadline, log };
  const cache = new LivingCache({
    ...{ now: () => 0, steady: () => 0 },
    ...{ changes: { publish: nothing }, metrics: { countCachedRead: nothing } },
  });
  const value = {
    caller: {
      scopes: new Set(["living:read", "living:write", "living:push", "living:admin"]),
      ...{ userid: "zhangsan", identity: "zhangsan" },
    },
    ...{ livings, call, limits, requestId: "reference", idempotencyKey: undefined },
    creates: {
      create: (request: unknown, key: unknown) => note("create", [request, key], { livingid: "LIVING-9" }),
      forgetBooking: nothing,
      idOf: () => "id",
    },
    statusChanges: undefined,
    audit: { mayRecord: true, record: nothing },
    noteFailure: nothing,
    reader: new LivingReader(livings, cache, call, nothing),
  } as unknown as RequestContext;
  return {
    ...{ value, extensions: nothing as () => undefined, failures: [] },
    ...{ deadline: { onCancel: () => nothing, close: nothing }, abandon: nothing },
  };
}
