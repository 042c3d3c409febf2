import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, describe, expect, it } from "@jest/globals";
import { createLogger } from "../../../src/observability/logger.js";
import { Secret } from "../../../src/observability/secret.js";
import { type Store, StoreError } from "../../../src/stores/store.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { WecomTransportError } from "../../../src/wecom/errors.js";
import { FailedFetches } from "../../../src/wecom/tokens/failed-fetches.js";
import { RenewedToken } from "../../../src/wecom/tokens/renewed-token.js";
import { CreateLivingDocument } from "../../../packages/client/src/index.js";
import { livingidsQuery } from "../../support/documents.js";
import { seriesIn, valueOf } from "../../support/exposition.js";
import { corpid, fixedToken, type Gateway, startGateway } from "../../support/gateway.js";
import { minimalInput } from "../../support/inputs.js";
import { until } from "../../support/until.js";

const create = async (gateway: Gateway) =>
  (await gateway.run(CreateLivingDocument, { input: minimalInput })).data!.createLiving;
const fetches = ({ simulator }: Gateway) => simulator.requestsTo("gettoken").length;
/** Whose answer has arrived: the lifetime of a token counts from then. */
const answeredFetches = async (gateway: Gateway) => {
  const { text } = await gateway.fetch("/metrics");
  return valueOf(seriesIn(text), "wecom_call_duration_seconds_count", { api: "gettoken" });
};
const tokensUsed = ({ simulator }: Gateway) =>
  simulator.requestsTo("living/create").map(({ query }) => query["access_token"]);

describe("The token of a self-built app", () => {
  it("is fetched once however many requests wait for it", async () => {
    await using gateway = await startGateway({ simulator: { latencyMs: 30 } });

    const results = await Promise.all(Array.from({ length: 50 }, () => create(gateway)));

    expect(new Set(results.map(({ __typename }) => __typename))).toEqual(new Set(["CreateLivingSuccess"]));
    expect(gateway.simulator.requestsTo("gettoken")).toHaveLength(1);
    expect(gateway.simulator.requestsTo("gettoken")[0]!.query).toMatchObject({ corpid });
  });

  it.each([40014, 42001])("is fetched again once when WeCom answers %i", async (errcode) => {
    await using gateway = await startGateway();
    await create(gateway);
    gateway.simulator.invalidateTokens();
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode });

    const result = await create(gateway);

    expect(result.__typename).toBe("CreateLivingSuccess");
    expect(fetches(gateway)).toBe(2);
    expect(new Set(tokensUsed(gateway)).size).toBe(2);
  });

  it("is fetched again once for a burst of requests whose token WeCom refuses", async () => {
    await using gateway = await startGateway({ simulator: { latencyMs: 10 } });
    await create(gateway);
    gateway.simulator.invalidateTokens();

    const results = await Promise.all(Array.from({ length: 40 }, () => create(gateway)));

    expect(new Set(results.map(({ __typename }) => __typename))).toEqual(new Set(["CreateLivingSuccess"]));
    expect(fetches(gateway)).toBe(2);
    expect(gateway.simulator.livings.size).toBe(41);
  });

  it("is not fetched in a loop when WeCom goes on refusing it", async () => {
    await using gateway = await startGateway();
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 40014, times: 0 });

    const result = await create(gateway);

    expect(result).toMatchObject({ __typename: "LivingConfigurationError", errcode: 40014 });
    expect(gateway.simulator.requestsTo("living/create")).toHaveLength(2);
    expect(fetches(gateway)).toBeLessThanOrEqual(2);
  });

  it("is not fetched again on 40001, which is about the secret", async () => {
    await using gateway = await startGateway();
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 40001 });

    expect(await create(gateway)).toMatchObject({ __typename: "LivingConfigurationError", errcode: 40001 });
    expect(fetches(gateway)).toBe(1);
    expect(gateway.simulator.requestsTo("living/create")).toHaveLength(1);
  });

  it("is asked for again at once when WeCom was only too busy to give it", async () => {
    await using gateway = await startGateway();
    gateway.simulator.faults.inject({ kind: "errcode", api: "gettoken", errcode: -1, times: 3 });

    expect((await create(gateway)).__typename).toBe("LivingUnavailableError");
    expect((await create(gateway)).__typename).toBe("CreateLivingSuccess");
  });

  it("is never that of another app of the same corp, in one store or not", async () => {
    const secrets = ["CANARY-secret-of-one-app", "CANARY-secret-of-another"];
    const apps = secrets.map((secret, index) => ({ agentid: 1 + index, secret }));
    const DATA_DIR = await mkdtemp(join(tmpdir(), "apps-"));
    await using one = await startGateway({
      env: { DATA_DIR, WECOM_CORP_SECRET: secrets[0]! },
      simulator: { corps: [{ corpid, apps }] },
    });
    const env = { DATA_DIR, WECOM_CORP_SECRET: secrets[1]! };
    await using another = await startGateway({ env, upstreamUrl: one.simulator.url });
    for (const gateway of [one, another]) expect((await create(gateway)).__typename).toBe("CreateLivingSuccess");

    expect(one.simulator.requestsTo("gettoken").map(({ query }) => query["corpsecret"])).toEqual(secrets);
    expect(new Set(tokensUsed(one)).size).toBe(2);
    await rm(DATA_DIR, { recursive: true });
  });

  it("is renewed before it ends, while the old one still serves", async () => {
    let clock = Date.now();
    const now = () => clock;
    await using gateway = await startGateway({ now, simulator: { now } });
    await create(gateway);

    // Nine tenths of two hours, and what a replica may add. WeCom repeats a token that is still good.
    clock += 0.93 * 7_200_000;
    await create(gateway);
    await until(async () => (await answeredFetches(gateway)) === 2);
    expect(new Set(tokensUsed(gateway)).size).toBe(1);
    clock += 0.08 * 7_200_000;
    await create(gateway);

    expect(new Set(tokensUsed(gateway)).size).toBe(2);
    expect(gateway.simulator.requestsTo("living/create").map(({ errcode }) => errcode)).toEqual([0, 0, 0]);
  });
});

const lifeMs = 7_200_000;
const call = { corp: "ww", deadline: new Deadline(60_000), log: createLogger("silent") };
afterAll(() => call.deadline.close());

/** A token source over a store that can be made to fail or to hang, and what it has fetched. */
function tokensOver(
  answers: { now: "well" | "fails" | "hangs" },
  nameOf: (fetches: number) => string = (fetches) => `token-${fetches}`,
  { now = Date.now, random = (): number => 0, records = new Map<string, string>() } = {},
) {
  const ask = <T>(answer: () => T): Promise<T> => {
    if (answers.now === "hangs") return new Promise(() => undefined);
    return answers.now === "fails" ? Promise.reject(new StoreError("gone")) : Promise.resolve(answer());
  };
  const store: Pick<Store, "shortTimeoutMs" | "get" | "set" | "delete" | "compareAndSet" | "now"> = {
    shortTimeoutMs: 50,
    now: () => ask(now),
    get: (key) => ask(() => records.get(key)),
    set: (key, value) => ask(() => void records.set(key, value)),
    delete: (key) => ask(() => records.delete(key)),
    compareAndSet: (key, expected, value) =>
      ask(() => {
        if (records.get(key) !== expected) return false;
        return value === undefined ? records.delete(key) || expected === undefined : Boolean(records.set(key, value));
      }),
  };
  let fetches = 0;
  const fetch = async () => {
    await nextTurn();
    return { token: new Secret(nameOf((fetches += 1))), lifeMs };
  };
  const shared = { store: store as Store, log: call.log, now, random, timeoutMs: 60_000 };
  const dependencies = { ...shared, failedFetches: new FailedFetches(shared) };
  const credentials = () => Promise.resolve({ fingerprint: "secret", attempts: [fetch] });
  const tokens = new RenewedToken({ key: "app", corp: "ww", api: "gettoken", credentials }, dependencies);
  return {
    get: async () => {
      const token = await tokens.get(call);
      // Its lease, which this store would keep for ever.
      while (answers.now === "well" && records.has("lease:app")) await nextTurn();
      return token;
    },
    refuse: (token: Secret, isReplacement?: boolean) => tokens.invalidate(token, undefined, isReplacement),
    get fetches() {
      return fetches;
    },
  };
}

describe("A token and the store that replicas share", () => {
  it.each([
    ["at nine tenths of its life", 0, 0.9],
    ["somewhat later in another replica", 0.5, 0.91],
  ])("is renewed %s, behind the back of the request", async (_when, random, part) => {
    let now = 0;
    const tokens = tokensOver({ now: "well" }, undefined, { now: () => now, random: () => random });
    const first = await tokens.get();

    now = part * lifeMs - 1;
    for (let turn = 0; turn < 10; turn += 1) expect(await tokens.get()).toBe(first);
    expect(tokens.fetches).toBe(1);
    now += 1;
    expect(await tokens.get()).toBe(first);
    while (tokens.fetches === 1) await nextTurn();
    await nextTurn();

    expect((await tokens.get()).reveal()).toBe("token-2");
    expect(tokens.fetches).toBe(2);
  });

  it("serves on when it cannot be renewed, and is tried again five seconds later", async () => {
    let now = 0;
    let tries = 0;
    const nameOf = (fetches: number) => {
      tries = fetches;
      if (fetches > 1)
        throw new WecomTransportError("away", { api: "gettoken", delivery: "none", mayHaveTakenEffect: false });
      return "token-1";
    };
    const tokens = tokensOver({ now: "well" }, nameOf, { now: () => now });
    await tokens.get();

    now = 0.95 * lifeMs;
    for (const due of [2, 3]) {
      for (let turn = 0; turn < 20; turn += 1) {
        expect((await tokens.get()).reveal()).toBe("token-1");
        await nextTurn();
      }
      expect(tries).toBe(due);
      now += 5000;
    }
  });

  it.each(["fails", "hangs"] as const)("is fetched without the store, once, while that %s", async (how) => {
    const answers: Parameters<typeof tokensOver>[0] = { now: "well" };
    const tokens = tokensOver(answers);
    const first = await tokens.get();
    answers.now = how;
    tokens.refuse(first);

    const tokensGot = await Promise.all(Array.from({ length: 20 }, () => tokens.get()));
    expect(new Set(tokensGot.map((token) => token.reveal()))).toEqual(new Set(["token-2"]));
  });

  it("is not taken from the store again, when that comes back with one that was refused long ago", async () => {
    const answers: Parameters<typeof tokensOver>[0] = { now: "well" };
    const tokens = tokensOver(answers);
    const first = await tokens.get();
    answers.now = "fails";
    tokens.refuse(first);
    const second = await tokens.get();
    answers.now = "well";
    tokens.refuse(second);

    expect((await tokens.get()).reveal()).toBe("token-3");
  });

  it("is fetched in the same call when the one in memory is refused, and then the newer one of another replica", async () => {
    const records = new Map<string, string>();
    const replica = tokensOver({ now: "well" }, (fetches) => `token-${fetches}`, { records });
    const other = tokensOver({ now: "well" }, (fetches) => `other-${fetches}`, { records });
    const first = await replica.get();
    other.refuse(await other.get());
    await other.get();

    expect(replica.refuse(first)).toBe(true);
    const second = await replica.get();
    expect(second.reveal()).toBe("other-1");
    expect(replica.refuse(second, true)).toBe(true);
    const third = await replica.get();
    expect(third.reveal()).toBe("token-2");
    // WeCom has given it just now.
    expect(replica.refuse(third, true)).toBe(false);
  });

  it("is not given up for another, older one that a slow request reports", async () => {
    const tokens = tokensOver({ now: "well" });
    const first = await tokens.get();
    tokens.refuse(first);
    const second = await tokens.get();
    tokens.refuse(first);

    expect(await tokens.get()).toBe(second);
  });

  it("is not asked for again and again where WeCom hands out the very one that it refuses", async () => {
    const tokens = tokensOver({ now: "well" }, () => "always the same");
    for (let refusals = 0; refusals < 10; refusals += 1) tokens.refuse(await tokens.get());

    expect(tokens.fetches).toBe(2);
  });
});

describe("A wrong secret", () => {
  it("is asked about once, however many requests come, and each is answered immediately", async () => {
    await using gateway = await startGateway({ env: { WECOM_CORP_SECRET: "CANARY-wrong" } });

    const results = [];
    for (let round = 0; round < 100; round += 1) results.push(await create(gateway));

    expect(new Set(results.map(({ __typename }) => __typename))).toEqual(new Set(["LivingConfigurationError"]));
    expect(fetches(gateway)).toBe(1);
    expect(gateway.simulator.requestsTo("living/create")).toEqual([]);
    expect(gateway.logs).toContainEqual(
      expect.objectContaining({ level: "error", msg: "WeCom refused the gateway's credentials" }),
    );
  });
});

describe("A fixed token", () => {
  const env = { WECOM_CORP_ID: "", WECOM_CORP_SECRET: "", WECOM_ACCESS_TOKEN: fixedToken };

  it("is sent in the query, as WeCom asks", async () => {
    await using gateway = await startGateway({ env });

    expect((await create(gateway)).__typename).toBe("CreateLivingSuccess");
    expect(tokensUsed(gateway)).toEqual([fixedToken]);
    expect(fetches(gateway)).toBe(0);
  });

  it("is the operator's to replace when WeCom refuses it", async () => {
    await using gateway = await startGateway({ env });
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/create", errcode: 42001, times: 0 });

    expect(await create(gateway)).toMatchObject({ __typename: "LivingConfigurationError", errcode: 42001 });
    expect(tokensUsed(gateway)).toEqual([fixedToken]);
  });
});

describe("A base URL with a path", () => {
  it("is kept before /cgi-bin", async () => {
    const paths: string[] = [];
    const proxy = createServer(({ url = "" }, response) => {
      paths.push(url.split("?")[0]!);
      response.end('{"errcode":48002,"errmsg":"api forbidden"}');
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    const gateway = await startGateway({ upstreamUrl: `http://127.0.0.1:${port}/proxy/` });

    await gateway.run(livingidsQuery, { anchorUserid: "zhangsan" });
    await gateway.close();
    proxy.close();

    expect(paths).toEqual(["/proxy/cgi-bin/gettoken"]);
  });
});
