import { describe, expect, it } from "@jest/globals";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Secret } from "../../../src/observability/secret.js";
import { openEmbeddedStore } from "../../../src/stores/embedded.js";
import { type Store, StoreError } from "../../../src/stores/store.js";
import { PermanentCodes } from "../../../src/wecom/suite/permanent-codes.js";
import { SuiteRecords } from "../../../src/wecom/suite/suite-records.js";
import { SuiteTicket } from "../../../src/wecom/suite/suite-ticket.js";
import { startGateway } from "../../support/gateway.js";
import { booking } from "../../support/inputs.js";
import { describeWithRedis, TestRedis } from "../../support/redis.js";
import {
  corps,
  type Provider,
  type ProviderOptions,
  providerEnv,
  startProvider,
  suiteId,
} from "../../support/provider.js";

const [corpA, corpB] = corps;
const configuration = "LIVING_CONFIGURATION";

async function startWithTicket(options: ProviderOptions = {}): Promise<Provider> {
  const provider = await startProvider(options);
  provider.simulator.suites.pushTicket(suiteId);
  await provider.settle();
  return provider;
}

const sentTo = ({ simulator }: Provider, api: string) => simulator.requestsTo(api);
const tokensOfReads = (provider: Provider) =>
  sentTo(provider, "living/get_user_all_livingid").map(({ query }) => query["access_token"]);
/** The last of each delivery: on a busy machine one may come too late, and WeCom repeats it. */
const answers = ({ simulator }: Provider) =>
  simulator.callbacks.deliveries().map(({ attempts }) => `${attempts.at(-1)?.status} ${attempts.at(-1)?.body}`);

describe("A third-party app", () => {
  it("calls for each corp that authorised it with a token of that corp's own", async () => {
    await using provider = await startWithTicket();
    await provider.install(corpA);
    await provider.install(corpB);

    expect(await Promise.all([corpA, corpB, corpA, corpB].map(provider.readFor))).toEqual(["ok", "ok", "ok", "ok"]);

    expect(answers(provider)).toEqual(Array(3).fill("200 success"));
    expect(sentTo(provider, "service/get_suite_token")).toHaveLength(1);
    const fetched = sentTo(provider, "service/get_corp_token").map(({ body }) => body as Record<string, string>);
    expect(fetched.map(({ auth_corpid: corpid }) => corpid).sort()).toEqual([corpA, corpB]);
    expect(new Set(fetched.map(({ permanent_code: code }) => code)).size).toBe(2);
    expect(new Set(tokensOfReads(provider)).size).toBe(2);
    expect(sentTo(provider, "gettoken")).toEqual([]);
  });

  it("refuses a corp that has not authorised it, and a request that names none, before WeCom is asked", async () => {
    await using provider = await startWithTicket();
    const before = provider.simulator.requests.length;

    expect(await provider.readFor(corpA)).toBe(configuration);
    expect(await provider.readFor("wwNobodyHasAuthorised")).toBe(configuration);
    // No id at all: the header is refused, before anybody is looked for.
    expect(await provider.readFor("'; DROP TABLE corps;--")).toBe("UNAUTHENTICATED");
    expect(await provider.readFor(undefined)).toBe(configuration);

    expect(provider.simulator.requests).toHaveLength(before);
  });

  it("refuses what is meant for another suite of the same keys", async () => {
    await using provider = await startWithTicket();
    const other = { ...provider.command, receiveid: "wwothersuite" };
    const message = { SuiteId: "wwothersuite", InfoType: "suite_ticket", TimeStamp: now(), SuiteTicket: "other" };

    const sealed = provider.simulator.callbacks.seal(other, message);
    expect(await provider.simulator.callbacks.post(sealed)).toMatchObject({ status: 403 });
  });

  it.each([40082, 42009])("fetches the suite's token again when WeCom answers %i", async (errcode) => {
    await using provider = await startWithTicket();
    await provider.install(corpA);
    provider.simulator.faults.inject({ kind: "errcode", api: "service/get_corp_token", errcode });
    provider.simulator.invalidateTokens();

    expect(await provider.readFor(corpA)).toBe("ok");
    expect(sentTo(provider, "service/get_suite_token")).toHaveLength(2);
    expect(sentTo(provider, "service/get_corp_token")).toHaveLength(2);
  });

  it.each([40014, 42001])("fetches the corp's token again when WeCom answers %i", async (errcode) => {
    await using provider = await startWithTicket();
    await provider.install(corpA);
    await provider.readFor(corpA);
    provider.simulator.invalidateTokens();
    provider.simulator.faults.inject({ kind: "errcode", api: "living/get_user_all_livingid", errcode });

    expect(await provider.readFor(corpA)).toBe("ok");
    expect(new Set(tokensOfReads(provider)).size).toBe(2);
  });

  it("goes on after a restart with what it was given before", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "restart-"));
    await using provider = await startWithTicket({ env: { DATA_DIR: dataDir } });
    await provider.install(corpA);
    await provider.readFor(corpA);
    const before = provider.simulator.requests.length;
    const env = { ...providerEnv(0), DATA_DIR: dataDir };
    await using restarted = await startGateway({ env, upstreamUrl: provider.simulator.url });

    const { errors } = await restarted.run(
      '{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }',
      {},
      {
        "x-wecom-corpid": corpA,
      },
    );

    expect(errors).toEqual([]);
    // Not even a token: the one in the store is good.
    expect(provider.simulator.requests.slice(before).map(({ api }) => api)).toEqual(["living/get_user_all_livingid"]);
    await rm(dataDir, { recursive: true });
  });
});

describe("A third-party app that a corp authorises", () => {
  it("stores an authorisation before a ticket has come, and exchanges it as soon as one has", async () => {
    await using provider = await startProvider();
    const authCode = provider.simulator.suites.authorise(suiteId, corpA, { isPushed: false });
    const message = { SuiteId: suiteId, AuthCode: authCode, InfoType: "create_auth", TimeStamp: now() };
    const sealed = provider.simulator.callbacks.seal(provider.command, message);

    expect(await provider.simulator.callbacks.post(sealed)).toMatchObject({ status: 200, body: "success" });
    expect(await provider.readFor(corpA)).toBe(configuration);
    provider.simulator.suites.pushTicket(suiteId);
    await provider.settle();
    await provider.untilAuthorised(1);

    expect(await provider.readFor(corpA)).toBe("ok");
  });

  it("answers while it still waits for WeCom, and exchanges the code once", async () => {
    await using provider = await startWithTicket();
    provider.simulator.faults.inject({ kind: "delay", api: "service/get_permanent_code", delayMs: 2500 });
    const authCode = provider.simulator.suites.authorise(suiteId, corpA, { isPushed: false });
    const message = { SuiteId: suiteId, AuthCode: authCode, InfoType: "create_auth", TimeStamp: now() };
    const sealed = provider.simulator.callbacks.seal(provider.command, message);

    for (let repeat = 0; repeat < 3; repeat += 1) {
      expect(await provider.simulator.callbacks.post(sealed)).toMatchObject({ status: 200, body: "success" });
    }
    await provider.untilAuthorised(1);
    expect(sentTo(provider, "service/get_permanent_code")).toHaveLength(1);
    expect(await provider.readFor(corpA)).toBe("ok");
  });

  it("exchanges an auth_code once, however often and by however many ways it comes", async () => {
    await using provider = await startWithTicket();
    const authCode = provider.simulator.suites.authorise(suiteId, corpA, { isPushed: false });
    const message = (at: number) => ({ SuiteId: suiteId, AuthCode: authCode, InfoType: "create_auth", TimeStamp: at });
    const send = (at: number) => provider.simulator.callbacks.send({ ...provider.command, message: message(at) });

    await Promise.all([send(now()), send(now()), send(now() - 1)]);
    await send(now() - 2);
    await provider.untilAuthorised(1);

    expect(answers(provider)).toEqual(Array(5).fill("200 success"));
    expect(sentTo(provider, "service/get_permanent_code")).toHaveLength(1);
    expect(await provider.readFor(corpA)).toBe("ok");
  });

  it("serves a corp whose authorisations overlapped, whichever of them WeCom exchanged last", async () => {
    await using provider = await startWithTicket();
    const latest = now();
    // The latest by WeCom's time is exchanged first.
    for (const [index, age] of [0, 1, 2].entries()) {
      const AuthCode = provider.simulator.suites.authorise(suiteId, corpA, { isPushed: false });
      const message = { SuiteId: suiteId, AuthCode, InfoType: "create_auth", TimeStamp: latest - age };
      await provider.simulator.callbacks.send({ ...provider.command, message });
      await provider.untilAuthorised(index + 1);
    }

    expect(await provider.readFor(corpA)).toBe("ok");
    const tried = () =>
      sentTo(provider, "service/get_corp_token").map(({ body }) => (body as Record<string, string>)["permanent_code"]);
    expect(new Set(tried()).size).toBe(3);
    const taken = tried()[2];
    provider.simulator.invalidateTokens();
    expect(await provider.readFor(corpA)).toBe("ok");
    // The one that WeCom took is tried first from then on.
    expect(new Set(tried().slice(3))).toEqual(new Set([taken]));
  });

  it("tells the operator when WeCom does not take an auth_code, and asks for no repeat", async () => {
    await using provider = await startWithTicket();
    const message = { SuiteId: suiteId, AuthCode: "used-already", InfoType: "create_auth", TimeStamp: now() };

    const { attempts } = await provider.simulator.callbacks.send({ ...provider.command, message });

    expect(attempts).toMatchObject([{ status: 200 }]);
    await provider.untilAuthorised(1, "refused");
    expect(provider.logs).toContainEqual(expect.objectContaining({ level: "error", errcode: 40078 }));
  });

  it("exchanges the code of one corp while WeCom does not answer for another", async () => {
    await using provider = await startWithTicket();
    provider.simulator.faults.inject({ kind: "delay", api: "service/get_permanent_code", delayMs: 6000 });
    provider.simulator.suites.authorise(suiteId, corpA);
    while (sentTo(provider, "service/get_permanent_code").length === 0) await wait(5);

    const startedAt = performance.now();
    await provider.install(corpB);
    expect(performance.now() - startedAt).toBeLessThan(5000);
    expect(await provider.readFor(corpB)).toBe("ok");
  });
});

describe("A third-party app whose authorisation is cancelled", () => {
  it("shows nothing of a corp that has taken its authorisation back, not even what was read before", async () => {
    await using provider = await startWithTicket();
    await provider.install(corpA);
    const app = { corpid: corpA, agentid: 1000002 };
    const { livingid } = provider.simulator.livings.reserve(app, { ...booking, anchorUserid: "zhangsan" });
    provider.simulator.livings.cancel(livingid);
    const read = () => provider.run(`{ living(livingid: "${livingid}") { theme } }`, {}, { "x-wecom-corpid": corpA });
    await read();
    expect((await read()).errors).toEqual([]);

    provider.simulator.suites.cancelAuthorisation(suiteId, corpA);
    await provider.settle();

    expect((await read()).errors.map(({ extensions }) => extensions["code"])).toEqual([configuration]);
  });

  it("stops for a corp that takes its authorisation back, and goes on for the others", async () => {
    await using provider = await startWithTicket();
    await provider.install(corpA);
    await provider.install(corpB);
    expect(await Promise.all([corpA, corpB].map(provider.readFor))).toEqual(["ok", "ok"]);

    provider.simulator.clock.advance(1000);
    provider.simulator.suites.cancelAuthorisation(suiteId, corpA);
    await provider.settle();
    const before = provider.simulator.requests.length;

    expect(await provider.readFor(corpA)).toBe(configuration);
    expect(provider.simulator.requests).toHaveLength(before);
    expect(await provider.readFor(corpB)).toBe("ok");
  });

  it("keeps a new authorisation when an older cancellation arrives late", async () => {
    await using provider = await startWithTicket();
    await provider.install(corpA);
    const message = { SuiteId: suiteId, InfoType: "cancel_auth", TimeStamp: now() - 10, AuthCorpId: corpA };

    await provider.simulator.callbacks.send({ ...provider.command, message });

    expect(await provider.readFor(corpA)).toBe("ok");
  });

  it("does not announce a cancellation that came late: no replica forgets a token for it", async () => {
    await using provider = await startWithTicket();
    await provider.install(corpA);
    await provider.readFor(corpA);
    const message = { SuiteId: suiteId, InfoType: "cancel_auth", TimeStamp: now() - 10, AuthCorpId: corpA };

    await provider.simulator.callbacks.send({ ...provider.command, message });

    expect(await provider.readFor(corpA)).toBe("ok");
    expect(sentTo(provider, "service/get_corp_token")).toHaveLength(1);
    expect(provider.logs.map(({ msg }) => msg)).not.toContain("a corp has cancelled its authorisation");
  });
});

describe("A third-party app that WeCom sends tickets", () => {
  it("uses the newest ticket when they overtake each other", async () => {
    await using provider = await startProvider();
    const ticket = (value: string, at: number) => ({
      ...provider.command,
      message: { SuiteId: suiteId, InfoType: "suite_ticket", TimeStamp: at, SuiteTicket: value },
    });
    for (const [value, at] of [
      ["second", now()],
      ["third", now() + 1],
      ["first", now() - 60],
    ] as const) {
      await provider.simulator.callbacks.send(ticket(value, at));
    }
    provider.simulator.suites.authorise(suiteId, corpA);
    while (sentTo(provider, "service/get_suite_token").length === 0) await wait(5);

    expect(sentTo(provider, "service/get_suite_token").map(({ body }) => body)).toEqual(
      expect.arrayContaining([expect.objectContaining({ suite_ticket: "third" })]),
    );
  });

  it("asks WeCom for nothing with a ticket that is older than half an hour", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "ticket-"));
    let clock = Date.now();
    const store = openEmbeddedStore(dataDir, { now: () => clock });
    const ticket = new SuiteTicket(new SuiteRecords(store, "suite:", () => clock), "suite:");
    await ticket.save(new Secret("ticket"), now());

    clock += 30 * 60_000 - 1;
    expect((await ticket.newest())?.reveal()).toBe("ticket");
    clock += 1;
    expect(await ticket.newest()).toBeUndefined();
    await store.close();
    await rm(dataDir, { recursive: true });
  });

  it("tries a fresh ticket at once, when WeCom has refused the one before", async () => {
    await using provider = await startWithTicket();
    provider.simulator.faults.inject({ kind: "errcode", api: "service/get_suite_token", errcode: 40085 });
    provider.simulator.suites.authorise(suiteId, corpA);
    while (sentTo(provider, "service/get_suite_token").length === 0) await wait(5);

    // WeCom's clock has whole seconds, by which the newest ticket is known.
    provider.simulator.clock.advance(1000);
    provider.simulator.suites.pushTicket(suiteId);
    await provider.untilAuthorised(1);
    expect(await provider.readFor(corpA)).toBe("ok");
    expect(sentTo(provider, "service/get_suite_token")).toHaveLength(2);
  });
});

describeWithRedis("A permanent code that the store does not take", () => {
  it("is kept at hand and stored as soon as the store is back, for WeCom hands it out once", async () => {
    await using redis = await TestRedis.start();
    await using provider = await startWithTicket({ env: { REDIS_URL: redis.url } });
    const authCode = provider.simulator.suites.authorise(suiteId, corpA, { isPushed: false });
    const message = { SuiteId: suiteId, AuthCode: authCode, InfoType: "create_auth", TimeStamp: now() };
    const sealed = provider.simulator.callbacks.seal(provider.command, message);
    provider.simulator.faults.inject({ kind: "delay", api: "service/get_permanent_code", delayMs: 200 });

    expect(await provider.simulator.callbacks.post(sealed)).toMatchObject({ status: 200 });
    while (sentTo(provider, "service/get_permanent_code").length === 0) await wait(5);
    await redis.pause();
    while (!provider.logs.some(({ msg }) => msg === "a permanent code could not be stored: retrying")) {
      await wait(5);
    }
    redis.resume();
    await provider.untilAuthorised(1);

    expect(sentTo(provider, "service/get_permanent_code")).toHaveLength(1);
    expect(await provider.readFor(corpA)).toBe("ok");
  });
});

describeWithRedis("A Redis that comes back empty", () => {
  it("is given back the ticket and the permanent codes by the replicas that know them", async () => {
    await using redis = await TestRedis.start();
    await using provider = await startWithTicket({ env: { REDIS_URL: redis.url } });
    await provider.install(corpA);
    await using other = await startGateway({
      env: { ...providerEnv(0), REDIS_URL: redis.url },
      upstreamUrl: provider.simulator.url,
    });

    await redis.restart();
    provider.simulator.invalidateTokens();
    const read = async () => {
      const query = '{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }';
      return (await other.run(query, {}, { "x-wecom-corpid": corpA })).errors;
    };
    for (let tries = 0; (await read()).length > 0 && tries < 200; tries += 1) await wait(50);

    expect(await read()).toEqual([]);
    // With the ticket from before.
    expect(sentTo(provider, "service/get_suite_token").length).toBeGreaterThanOrEqual(2);
  });
});

const code = (text: string) => ({ corpid: corpA, permanentCode: new Secret(text), isCustomised: false });

describe("The permanent codes of a corp", () => {
  async function codesOver<T>(test: (codes: PermanentCodes, store: Store) => Promise<T>): Promise<T> {
    const dataDir = await mkdtemp(join(tmpdir(), "codes-"));
    const store = openEmbeddedStore(dataDir);
    const result = await test(new PermanentCodes(new SuiteRecords(store, "suite:", Date.now), "suite:"), store);
    await store.close();
    await rm(dataDir, { recursive: true });
    return result;
  }
  const counted = async (codes: PermanentCodes) => (await codes.get(corpA))[0]?.permanentCode.reveal();

  it("are not replaced by one of an earlier authorisation, however late that is saved", async () => {
    await codesOver(async (codes, store) => {
      const ofAnother = new PermanentCodes(new SuiteRecords(store, "suite:", Date.now), "suite:");
      await codes.get(corpA);
      await ofAnother.save(code("second"), 1_000_002, 2);
      await codes.save(code("first"), 1_000_001, 1);

      expect([await counted(codes), await counted(ofAnother)]).toEqual(["second", "second"]);
      // WeCom alone knows which of two that overlapped it exchanged last.
      expect((await codes.get(corpA))[1]?.permanentCode.reveal()).toBe("first");
      await codes.save(code("third"), 1_000_002 + 3_600_000, 3);
      expect(await codes.get(corpA)).toHaveLength(1);
    });
  });

  it("are tried one after the other, and the one that WeCom accepts comes first, and stays alone once no exchange is open", async () => {
    await codesOver(async (codes, store) => {
      const all = async () => (await codes.get(corpA)).map(({ permanentCode }) => permanentCode.reveal());
      const number = await store.now();
      for (const [index, text] of ["first", "second", "third"].entries()) {
        await codes.save(code(text), number + index, 10 + index);
      }
      expect(await all()).toEqual(["third", "second", "first"]);
      await codes.confirm(corpA, new Secret("first"));
      expect(await all()).toEqual(["first", "third", "second"]);
      await codes.save(code("fourth"), number + 3, 20);
      expect(await all()).toEqual(["fourth", "first", "third", "second"]);

      const old = number - 3_600_000;
      await codes.cancel(corpA, 30);
      await codes.save(code("too old to be under way"), old, 5);
      expect(await all()).toEqual([]);
    });
    await codesOver(async (codes) => {
      await codes.save(code("first"), 1, 10);
      await codes.save(code("second"), 2, 11);
      await codes.confirm(corpA, new Secret("first"));
      expect((await codes.get(corpA)).map(({ permanentCode }) => permanentCode.reveal())).toEqual(["first"]);
    });
  });

  it("are read as an older version left them", async () => {
    await codesOver(async (codes, store) => {
      const older = { permanentCode: "one", isCustomised: false, number: 1, revision: 3, at: 5 };
      await store.set(`suite:corp:${corpA}`, JSON.stringify(older));
      await codes.save(code("new"), 2, 6);
      expect((await codes.get(corpA)).map(({ permanentCode }) => permanentCode.reveal())).toEqual(["new", "one"]);
    });
  });

  it("do not come back from a memory after they were cancelled", async () => {
    await codesOver(async (codes, store) => {
      const records = new SuiteRecords(store, "suite:", Date.now);
      const ofAnother = new PermanentCodes(records, "suite:");
      await codes.save(code("only"), 1, 10);
      expect(await counted(ofAnother)).toBe("only");
      expect(await codes.cancel(corpA, 10)).toBe(false);
      expect(await codes.cancel(corpA, 11)).toBe(true);

      await records.putBackWhatIsLost();
      expect([await counted(codes), await counted(ofAnother)]).toEqual([undefined, undefined]);
    });
  });

  it("are put back into a store that has lost them, or has older ones", async () => {
    await codesOver(async (codes, store) => {
      const records = new SuiteRecords(store, "suite:", Date.now);
      const mine = new PermanentCodes(records, "suite:");
      await mine.save(code("old"), 1, 1);
      const before = (await store.get(`suite:corp:${corpA}`))!;
      await mine.save(code("new"), 2, 2);
      await store.set(`suite:corp:${corpA}`, before);
      await records.putBackWhatIsLost();
      expect(await counted(codes)).toBe("new");
      await store.delete(`suite:corp:${corpA}`);
      await records.putBackWhatIsLost();
      expect(await counted(new PermanentCodes(new SuiteRecords(store, "suite:", Date.now), "suite:"))).toBe("new");
    });
  });
});

const key = `suite:corp:${corpA}`;
let clockMs = 1_800_000_000_000;

interface Parts {
  readonly store: Store;
  /** A replica: its records, and its view of the permanent codes. */
  readonly replica: () => { records: SuiteRecords; codes: PermanentCodes; kept: () => Promise<string[]> };
  isAway: boolean;
  /** The keys that were read. */
  readonly read: unknown[];
}

async function withReplicas(test: (parts: Parts) => Promise<void>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "lost-"));
  const embedded = openEmbeddedStore(dataDir, { now: () => clockMs });
  const store = new Proxy(embedded, {
    get: (target, name: keyof Store) => {
      const given: unknown = Reflect.get(target, name);
      if (typeof given !== "function") return given;
      return (...parameters: unknown[]): unknown => {
        if (name === "get") parts.read.push(parameters[0]);
        return parts.isAway ? Promise.reject(new StoreError("away")) : given.apply(target, parameters);
      };
    },
  });
  const parts: Parts = {
    ...{ store, isAway: false, read: [] },
    replica: () => {
      const records = new SuiteRecords(store, "suite:", () => clockMs);
      const codes = new PermanentCodes(records, "suite:");
      const kept = async () => (await codes.get(corpA)).map(({ permanentCode }) => permanentCode.reveal());
      return { records, codes, kept };
    },
  };
  await test(parts);
  await embedded.close();
  await rm(dataDir, { recursive: true });
}

describe("What replicas know of a store that has lost it", () => {
  it("is put back as the newest of them knows it, when all do so at once", async () => {
    await withReplicas(async ({ store, replica }) => {
      const [behind, ahead] = [replica(), replica()];
      await behind.codes.save(code("old"), clockMs, 1);
      await ahead.codes.save(code("new"), clockMs + 3_600_000, 2);
      await store.delete(key);
      // Both find nothing, and the first to write is the one that is behind.
      await Promise.all([behind, ahead].map(({ records }) => records.putBackWhatIsLost()));

      expect(await replica().kept()).toEqual(["new"]);
    });
  });

  it("is joined with what the store got meanwhile: WeCom may mean either code of two that overlap", async () => {
    await withReplicas(async ({ store, replica }) => {
      const [one, other] = [replica(), replica()];
      await one.codes.save(code("first"), clockMs, 1);
      await store.delete(key);
      await other.codes.save(code("second"), clockMs + 1, 2);
      expect(await one.kept()).toEqual(["second", "first"]);
      expect(await replica().kept()).toEqual(["second", "first"]);
    });
  });

  it("is put back again when a failover has lost what was put back", async () => {
    await withReplicas(async ({ store, replica }) => {
      const { records, kept } = replica();
      const { codes } = replica();
      await codes.save(code("only"), clockMs, 1);
      expect(await kept()).toEqual(["only"]);
      await records.putBackWhatIsLost();
      clockMs += 60_000;
      await records.putBackWhatIsLost();
      await store.delete(key);
      expect(await kept()).toEqual(["only"]);

      await store.delete(key);
      await records.putBackWhatIsLost();
      expect(await replica().kept()).toEqual(["only"]);
    });
  });

  it("is put back when the store goes back by minutes, to what another server of it had", async () => {
    await withReplicas(async ({ store, replica }) => {
      const { records, codes, kept } = replica();
      await codes.save(code("old"), clockMs, 1);
      await records.putBackWhatIsLost();
      const before = new Map<string, string>();
      for await (const [name, value] of store.scan("")) before.set(name, value);
      clockMs += 120_000;
      await codes.save(code("new"), clockMs + 3_600_000, 2);
      await records.putBackWhatIsLost();
      clockMs += 120_000;
      expect(await records.putBackWhatIsLost()).toBe(true);

      for (const [name, value] of before) await store.set(name, value);
      expect(await records.putBackWhatIsLost()).toBe(false);
      expect(await replica().kept()).toEqual(["new"]);
      expect(await kept()).toEqual(["new"]);
      expect(await records.putBackWhatIsLost()).toBe(true);
    });
  });

  it("is not looked for any more when its time is over", async () => {
    await withReplicas(async ({ store, replica, read }) => {
      const { records } = replica();
      await records.update("suite:short", () => ({ number: 1, revision: 0 }), { expiresInMs: 60_000 });
      await records.putBackWhatIsLost();
      clockMs += 120_000;
      // A store without the marker may have lost everything.
      for await (const [name] of store.scan("suite:marker:")) await store.delete(name);
      expect(await records.putBackWhatIsLost()).toBe(false);
      clockMs += 120_000;
      read.length = 0;
      expect(await records.putBackWhatIsLost()).toBe(true);

      expect(read).not.toContain("suite:short");
      expect(await records.get("suite:short")).toBeUndefined();
    });
  });

  it("is put back although the store was away for long after it had lost it", async () => {
    await withReplicas(async (parts) => {
      const { records, codes } = parts.replica();
      await records.putBackWhatIsLost();
      await codes.save(code("only"), clockMs, 1);
      await parts.store.delete(key);
      parts.isAway = true;
      for (let seconds = 0; seconds < 60; seconds += 1) {
        clockMs += 1000;
        await expect(records.putBackWhatIsLost()).rejects.toThrow(StoreError);
      }
      parts.isAway = false;
      await records.putBackWhatIsLost();
      expect(await parts.replica().kept()).toEqual(["only"]);
    });
  });
});

describe("A customised app", () => {
  it("takes the permanent code for its secret and never asks for a corp token", async () => {
    await using provider = await startWithTicket({ isCustomised: true });
    await provider.install(corpA);

    expect(await provider.readFor(corpA)).toBe("ok");

    expect(sentTo(provider, "gettoken").map(({ query }) => query)).toEqual([
      { corpid: corpA, corpsecret: expect.any(String) },
    ]);
    expect(sentTo(provider, "service/get_corp_token")).toEqual([]);
  });

  it("works on with the new permanent code when it is reset", async () => {
    await using provider = await startWithTicket({ isCustomised: true });
    await provider.install(corpA);
    await provider.readFor(corpA);

    provider.simulator.suites.resetPermanentCode(suiteId, corpA);
    await provider.settle();
    await provider.untilAuthorised(2);
    provider.simulator.invalidateTokens();

    expect(await provider.readFor(corpA)).toBe("ok");
    const secrets = sentTo(provider, "gettoken").map(({ query }) => query["corpsecret"]);
    expect(new Set(secrets).size).toBe(2);
  });
});

describe("What is at rest", () => {
  it.each([
    ["cannot be read with STORE_ENCRYPTION_KEY", { STORE_ENCRYPTION_KEY: "k".repeat(32) }, false],
    ["lies in clear without it, as the docs say", {}, true],
  ])("%s", async (_what, env, isReadable) => {
    const dataDir = await mkdtemp(join(tmpdir(), "at-rest-"));
    await using provider = await startWithTicket({ env: { ...env, DATA_DIR: dataDir } });
    await provider.install(corpA);
    await provider.readFor(corpA);

    const [corpToken] = sentTo(provider, "service/get_corp_token");
    const { permanent_code: code } = corpToken!.body as Record<string, string>;
    const [exchange] = sentTo(provider, "service/get_permanent_code");
    const { auth_code: authCode } = exchange!.body as Record<string, string>;
    const file = await readFile(join(dataDir, "store", "data.mdb"));
    expect([code!, tokensOfReads(provider)[0]!].map((secret) => file.includes(secret))).toEqual([
      isReadable,
      isReadable,
    ]);
    // Keys and members of queues are never encrypted.
    if (!isReadable) expect(file.includes(authCode!)).toBe(false);
    await rm(dataDir, { recursive: true });
  });
});

function now(): number {
  return Math.floor(Date.now() / 1000);
}
