// A token that replicas share: when it is renewed and ends, what counts as a refusal, and who may fetch. The clock is a variable.
import { beforeEach, describe, expect, it } from "@jest/globals";
import { createLogger } from "../../../src/observability/logger.js";
import { Secret } from "../../../src/observability/secret.js";
import type { CallOptions } from "../../../src/wecom/call.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { notSent, WecomApiError, WecomConfigurationError, WecomTransportError } from "../../../src/wecom/errors.js";
import { CredentialCheck } from "../../../src/wecom/tokens/credential-check.js";
import { FailedFetches } from "../../../src/wecom/tokens/failed-fetches.js";
import { RenewedToken, type TokenDependencies } from "../../../src/wecom/tokens/renewed-token.js";
import { MemoryStore } from "../../support/memory-store.js";
import { until } from "../../support/until.js";

const start = 1_900_000_200_000;
const log = createLogger("silent");
const refusalBy = (errcode: number, api = "gettoken") =>
  new WecomApiError({ api, errcode, errmsg: "refused", mayHaveTakenEffect: false });
/** What a fetch comes to: a token, or what it fails with. */
type Verdict = (secret: string, call: CallOptions) => string | Error | Promise<string>;

let now: number;
let store: MemoryStore;
beforeEach(() => {
  now = start;
  store = new MemoryStore(() => now);
});

interface Options {
  readonly key?: string;
  readonly secrets?: () => Promise<readonly string[]> | readonly string[];
  readonly lifeMs?: number;
  readonly more?: Partial<TokenDependencies>;
}

/** One replica's token of one app. */
function replica(
  verdict: Verdict,
  { key = "app", secrets = () => ["secret"], lifeMs = 7_200_000, more }: Options = {},
) {
  const fetches: string[] = [];
  const fetchWith = (secret: string) => async (call: CallOptions) => {
    fetches.push(secret);
    const given = await verdict(secret, call);
    if (given instanceof Error) throw given;
    return { token: new Secret(given), lifeMs };
  };
  const credentials = async () => {
    const all = await secrets();
    return { fingerprint: all.join(), attempts: all.map(fetchWith) };
  };
  const shared = { store, log, now: () => now, random: () => 0, timeoutMs: 60_000 };
  const failedFetches = more?.failedFetches ?? new FailedFetches(shared);
  const tokens = new RenewedToken(
    { key, corp: "ww", api: "gettoken", credentials },
    { ...shared, failedFetches, ...more },
  );
  const get = async (deadline = new Deadline(600_000)) => {
    const token = await tokens.get({ corp: "ww", deadline, log }).finally(() => {
      deadline.close();
    });
    return token.reveal();
  };
  /** The token, the errcode, or the name of another error. */
  const outcome = () =>
    get().catch((error: unknown) => (error instanceof WecomApiError ? error.errcode : (error as Error).name));
  return { fetches, get, outcome, failedFetches, refuse: (token: string) => tokens.invalidate(new Secret(token)) };
}
const untilFree = () => until(async () => (await store.get("lease:app")) === undefined);
/** What a request has set off behind its back is done. */
const untilQuiet = async () => {
  await new Promise(setImmediate);
  await untilFree();
};
const numbered = () => {
  let count = 0;
  return () => `token-${(count += 1)}`;
};

describe("A token", () => {
  it.each([
    { lifeMs: 7_200_000, renewedAfterMs: 6_480_000 },
    // A token that WeCom repeats has a short life left: it is not asked again within a minute.
    { lifeMs: 61_000, renewedAfterMs: 60_000 },
    { lifeMs: 30_000, renewedAfterMs: 30_000 },
  ])("of $lifeMs ms is renewed after $renewedAfterMs ms", async ({ lifeMs, renewedAfterMs }) => {
    const one = replica(numbered(), { lifeMs });
    await one.get();
    await untilFree();

    now = start + renewedAfterMs - 1;
    expect(await one.get()).toBe("token-1");
    await untilQuiet();
    expect(one.fetches).toHaveLength(1);
    now += 1;
    expect(await one.get()).toBe(renewedAfterMs < lifeMs ? "token-1" : "token-2");
    await until(() => one.fetches.length === 2);
  });

  it("that cannot be renewed is tried for every five seconds, and serves until it ends", async () => {
    const away = notSent("gettoken", "away");
    let isAway = false;
    const one = replica(() => (isAway ? away : "token"));
    await one.get();
    isAway = true;
    const triesAt = async (ms: number) => {
      await untilFree();
      now = start + ms;
      expect(await one.get()).toBe("token");
      await untilQuiet();
      return one.fetches.length;
    };

    const renewal = 6_480_000;
    expect([await triesAt(renewal), await triesAt(renewal + 4999), await triesAt(renewal + 5000)]).toEqual([2, 2, 3]);
    await triesAt(7_199_999);
    now += 1;
    expect(await one.outcome()).toBe(WecomTransportError.name);
  });

  it("is every replica's until it ends, and no longer in the store", async () => {
    const ends: [string, number][] = [];
    const more = { onHeld: (key: string, endsAtMs: number) => void ends.push([key, endsAtMs]) };
    await replica(() => "shared", { more }).get();
    await untilFree();
    expect(store.records.get("token:app")?.expiresInMs).toBe(7_200_000);
    expect(await RenewedToken.endOf(store, "app")).toBe(start + 7_200_000);

    const other = replica(() => "own", { more });
    now = start + 7_199_999;
    expect(await other.get()).toBe("shared");
    expect(ends).toEqual(Array(2).fill(["app", start + 7_200_000]));

    await RenewedToken.forget(store, "app");
    expect(await RenewedToken.endOf(store, "app")).toBeUndefined();
    expect(await replica(() => "own").get()).toBe("own");
  });

  it("that WeCom gives again although it has refused it is asked for again five seconds later", async () => {
    const one = replica(() => "always the same");
    const refuse = async () => {
      one.refuse(await one.get());
      await one.get();
      await untilFree();
      return one.fetches.length;
    };

    expect([await refuse(), await refuse()]).toEqual([2, 2]);
    now += 4999;
    expect(await refuse()).toBe(2);
    now += 1;
    expect(await refuse()).toBe(3);
  });

  it("is fetched in a time of its own, not in that of who asks first", async () => {
    let answer: (token: string) => void = () => undefined;
    const remaining: number[] = [];
    const one = replica((_, { deadline }) => {
      remaining.push(deadline.remainingMs);
      return new Promise((resolve) => (answer = resolve));
    });
    const patient = one.get();
    await expect(one.get(new Deadline(20))).rejects.toMatchObject({ api: "gettoken", delivery: "none" });
    answer("token");

    expect(await patient).toBe("token");
    expect(remaining).toEqual([expect.any(Number)]);
    expect(remaining[0]).toBeGreaterThan(30_000);
  });
});

describe("Two replicas", () => {
  it("fetch once, when the other has fetched between a look at the store and the lease", async () => {
    const other = replica(() => "other's");
    const one = replica(() => "own", { secrets: async () => (await other.get(), await untilFree(), ["secret"]) });

    expect(await one.get()).toBe("other's");
    expect([one.fetches.length, other.fetches.length]).toEqual([0, 1]);
  });

  it("try refused credentials once, when the other was refused between a look at the pause and the lease", async () => {
    const refused = () => refusalBy(40001);
    const [one, other] = [replica(refused), replica(refused)];
    const compareAndSet = store.compareAndSet.bind(store);
    let isFirst = true;
    store.compareAndSet = async (...given) => {
      if (given[0] === "lease:app" && isFirst) {
        isFirst = false;
        expect(await other.outcome()).toBe(40001);
        await untilFree();
      }
      return compareAndSet(...given);
    };

    expect(await one.outcome()).toBe(40001);
    expect([one.fetches.length, other.fetches.length]).toEqual([0, 1]);
  });

  it("wait for each other until the token is stored, for three seconds if the other has died", async () => {
    const [set, compareAndSet] = [store.set.bind(store), store.compareAndSet.bind(store)];
    let goOn: () => void = () => undefined;
    let attempts = 0;
    store.set = async (...given) => {
      if (given[0] === "token:app") await new Promise<void>((resolve) => (goOn = resolve));
      return set(...given);
    };
    store.compareAndSet = (...given) => {
      if (given[0] === "lease:app" && given[2] !== undefined) attempts += 1;
      return compareAndSet(...given);
    };
    expect(await replica(() => "one's").get()).toBe("one's");
    expect(store.records.get("lease:app")?.expiresInMs).toBe(3000);
    const other = replica(() => "other's");
    const got = other.get();
    await until(() => attempts >= 4);
    goOn();

    expect(await got).toBe("one's");
    expect(other.fetches).toEqual([]);
  });
});

describe("What counts as a refusal", () => {
  it("is told as new where WeCom was asked, and as known during its pause", async () => {
    const told: unknown[] = [];
    const onRefused: TokenDependencies["onRefused"] = (key, { errcode }, isNew) =>
      void told.push([key, errcode, isNew]);
    const one = replica(() => refusalBy(40001), { more: { onRefused } });
    expect([await one.outcome(), await one.outcome()]).toEqual([40001, 40001]);

    expect(told).toEqual([
      ["app", 40001, true],
      ["app", 40001, false],
    ]);
    expect(one.fetches).toHaveLength(1);
  });

  it.each([
    ["a lost answer", notSent("gettoken", "away"), 2],
    ["WeCom being busy", refusalBy(-1), 2],
    ["a limit", refusalBy(45009), 2],
    ["what another API refused on the way", refusalBy(40082, "service/get_suite_token"), 2],
    ["a wrong secret", refusalBy(40001), 1],
  ])("lets WeCom not be asked again at once: %s", async (_, error, fetches) => {
    const one = replica(() => error);
    await one.outcome();
    await untilFree();
    await one.outcome();

    expect(one.fetches).toHaveLength(fetches);
  });

  it("is forgotten when WeCom takes the credentials: the next pause is five seconds again", async () => {
    let isRight = false;
    const one = replica(() => (isRight ? "token" : refusalBy(40001)));
    expect(await one.outcome()).toBe(40001);
    now += 5000;
    isRight = true;
    expect(await one.outcome()).toBe("token");
    await untilFree();
    isRight = false;
    one.refuse("token");
    const fetchesAfter = async (ms: number) => {
      now += ms;
      await one.outcome();
      await untilFree();
      return one.fetches.length;
    };

    expect([await fetchesAfter(0), await fetchesAfter(4999), await fetchesAfter(1)]).toEqual([3, 3, 4]);
  });

  it.each([
    [40001, ["one", "other"], "token of other"],
    [60020, ["one"], 60020],
    [-1, ["one"], -1],
  ])("lets another secret be tried: %i", async (errcode, tried, outcome) => {
    const verdict: Verdict = (secret) => (secret === "one" ? refusalBy(errcode) : `token of ${secret}`);
    const one = replica(verdict, { secrets: () => ["one", "other"] });

    expect(await one.outcome()).toBe(outcome);
    expect(one.fetches).toEqual(tried);
  });
});

describe("The budget of failed fetches", () => {
  const spend = (failedFetches: FailedFetches, count: number) =>
    Promise.all(Array.from({ length: count }, () => failedFetches.reserve("gettoken", false)));

  it("is smaller for credentials that were refused before", async () => {
    const one = replica(() => refusalBy(40001));
    expect(await one.outcome()).toBe(40001);
    await spend(one.failedFetches, 499);
    now += 5000;

    expect(await one.outcome()).toBe("WecomOverloadError");
    expect(one.fetches).toHaveLength(1);
    expect(await replica(() => "token", { key: "another", secrets: () => ["another"] }).outcome()).toBe("token");
  });

  it("is smaller for a second secret, and then the refusal of the first is the answer", async () => {
    const one = replica(() => refusalBy(40001), { secrets: () => ["one", "other"] });
    await spend(one.failedFetches, 499);

    expect(await one.outcome()).toBe(40001);
    expect(one.fetches).toEqual(["one"]);
  });

  it.each<[string, Verdict, string]>([
    ["succeed", () => "token", "token"],
    ["are lost on the way", () => notSent("gettoken", "away"), "WecomTransportError"],
    ["meet a busy WeCom", () => refusalBy(-1), "-1"],
  ])("is not spent by fetches that %s", async (_, verdict, outcome) => {
    const failedFetches = new FailedFetches({ store, log, now: () => now });
    const outcomes = new Set<string>();
    for (let app = 0; app < 650; app += 1)
      outcomes.add(String(await replica(verdict, { key: `app-${app}`, more: { failedFetches } }).outcome()));

    expect([...outcomes]).toEqual([outcome]);
  });
});

describe("The check of the app's own credentials", () => {
  const run = (check: CredentialCheck, get: () => Promise<Secret>) =>
    check.run({ get, invalidate: () => true }, { corp: "ww", timeoutMs: 1000, log });

  it("is open from its first run until a token is held, and again when that is refused", async () => {
    const check = new CredentialCheck(() => "app");
    expect(check.isOpen).toBe(false);
    await run(check, () => Promise.reject(new Error("away")));
    expect(check.isOpen).toBe(true);
    check.noteHeld("another app");
    expect(check.isOpen).toBe(true);
    check.noteHeld("app");
    expect(check.isOpen).toBe(false);
    check.noteRefused("app", refusalBy(40001), true);

    expect(check.isOpen).toBe(true);
  });

  it("says what is missing, until a token is held or WeCom says something else", async () => {
    const missing = () =>
      Promise.reject(new WecomConfigurationError("no ticket yet", { api: "service/get_suite_token" }));
    const check = new CredentialCheck(() => "app");
    await run(check, missing);
    expect(check.problem).toBe("no ticket yet");
    check.noteHeld("app");
    expect(check.problem).toBeUndefined();
    await run(check, missing);
    check.noteRefused("app", refusalBy(40001), true);
    expect(check.problem).toMatch(/errcode 40001/);
    check.noteHeld("app");

    expect(check.problem).toBeUndefined();
  });
});
