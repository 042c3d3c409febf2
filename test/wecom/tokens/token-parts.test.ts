/** What a token's life, a refusal's pause and a failed fetch amount to, each by its value and on a clock that the test moves. */
import { describe, expect, it } from "@jest/globals";
import { createLogger } from "../../../src/observability/logger.js";
import { Secret } from "../../../src/observability/secret.js";
import { namedBySecret } from "../../../src/wecom/app-name.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { WecomApiError, WecomOverloadError } from "../../../src/wecom/errors.js";
import { CredentialCheck } from "../../../src/wecom/tokens/credential-check.js";
import { FailedFetches } from "../../../src/wecom/tokens/failed-fetches.js";
import { fixedToken } from "../../../src/wecom/tokens/token-source.js";
import { readToken } from "../../../src/wecom/tokens/gettoken.js";
import { fingerprintOf, Refusals } from "../../../src/wecom/tokens/refusals.js";
import { TokenExpiries } from "../../../src/wecom/tokens/token-expiries.js";
import { MemoryStore } from "../../support/memory-store.js";

const start = 1_900_000_200_000;
const refusalBy = (errcode: number) =>
  new WecomApiError({ api: "gettoken", errcode, errmsg: "refused", mayHaveTakenEffect: false });

/** A store whose clock the test moves. */
function timedStore() {
  const time = { now: start };
  return { time, store: new MemoryStore(() => time.now) };
}

describe("A token that WeCom gives", () => {
  it.each([
    { expires_in: 5400, lifeMs: 5_400_000 },
    { expires_in: 1, lifeMs: 1000 },
    { expires_in: 0, lifeMs: 7_200_000 },
    { expires_in: -1, lifeMs: 7_200_000 },
    { expires_in: "60", lifeMs: 7_200_000 },
    { expires_in: undefined, lifeMs: 7_200_000 },
  ])("with expires_in $expires_in lives for $lifeMs ms", ({ expires_in, lifeMs }) => {
    const answer = { errcode: 0, access_token: "a", ticket: "t", suite_access_token: "s", expires_in };
    const read = (field: Parameters<typeof readToken>[1]) => {
      const { token, ...rest } = readToken(answer, field);
      return [token.reveal(), rest.lifeMs];
    };

    expect([read("access_token"), read("ticket"), read("suite_access_token")]).toEqual([
      ["a", lifeMs],
      ["t", lifeMs],
      ["s", lifeMs],
    ]);
  });

  it("is another app's under another corp, secret or WeCom", () => {
    const wecom = new URL("https://qyapi.weixin.qq.com");
    const names = [
      namedBySecret(wecom, "corp", "secret"),
      namedBySecret(wecom, "other", "secret"),
      namedBySecret(wecom, "corp", "other"),
      namedBySecret(new URL("http://127.0.0.1:1"), "corp", "secret"),
    ];

    expect(new Set(names).size).toBe(4);
    expect(namedBySecret(new URL(wecom), "corp", "secret")).toBe(names[0]);
    expect(names.join()).not.toContain("secret");
  });

  it("ends: the earliest counts, in seconds, and none that is over", () => {
    let now = start;
    const expiries = new TokenExpiries(() => now);
    expect(expiries.earliestSeconds()).toBeNaN();
    expiries.note("one", start + 2000);
    expiries.note("other", start + 5000);
    expect(expiries.earliestSeconds()).toBe(start / 1000 + 2);
    now = start + 1999;
    expect(expiries.earliestSeconds()).toBe(start / 1000 + 2);
    now = start + 2000;
    expect(expiries.earliestSeconds()).toBe(start / 1000 + 5);
    expiries.note("other", start + 9000);
    expect(expiries.earliestSeconds()).toBe(start / 1000 + 9);
    now = start + 9000;
    expect(expiries.earliestSeconds()).toBeNaN();
  });

  it("that is fixed is for one corp, and there is no other when it is refused", async () => {
    const token = new Secret("fixed");
    const tokens = fixedToken("corp", token);
    const call = { corp: "corp", deadline: new Deadline(1000), log: createLogger("silent") };

    expect(await tokens.get(call)).toBe(token);
    expect(tokens.invalidate(token, call)).toBe(false);
    await expect(tokens.get({ ...call, corp: "other" })).rejects.toMatchObject({ api: "gettoken" });
    call.deadline.close();
  });
});

describe("Credentials that WeCom refused", () => {
  const fingerprint = "f";
  function refusals() {
    const shared = timedStore();
    const replica = () => new Refusals(shared.store, "app", () => shared.time.now);
    const isPaused = (of: Refusals, which = fingerprint) =>
      of.throwIfPaused(which).then(
        () => false,
        () => true,
      );
    return { ...shared, replica, isPaused };
  }

  it("are not tried for 5, 10, 20, 40, 80, and then each time 120 seconds, by any replica", async () => {
    const { time, replica, isPaused } = refusals();
    const [one, other] = [replica(), replica()];
    const pauses = [];
    for (let count = 0; count < 8; count += 1) {
      const pauseMs = await one.remember(fingerprint, refusalBy(40001));
      pauses.push(pauseMs / 1000);
      time.now += pauseMs - 1;
      expect([await isPaused(one), await isPaused(other), await isPaused(one, "another")]).toEqual([true, true, false]);
      time.now += 1;
      expect([await isPaused(one), await isPaused(other)]).toEqual([false, false]);
    }

    expect(pauses).toEqual([5, 10, 20, 40, 80, 120, 120, 120]);
  });

  it("are told as WeCom told it", async () => {
    const { replica } = refusals();
    const one = replica();
    await one.remember(fingerprint, refusalBy(40001));

    for (const each of [one, replica()])
      await expect(each.throwIfPaused(fingerprint)).rejects.toMatchObject({
        ...{ api: "gettoken", errcode: 40001, errmsg: "refused", mayHaveTakenEffect: false },
      });
  });

  it("are of a new series an hour after the last pause", async () => {
    const { time, replica } = refusals();
    await replica().remember(fingerprint, refusalBy(40001));
    time.now += 5000 + 3_600_000 - 1;
    expect(await replica().count(fingerprint)).toBe(1);
    time.now += 1;

    expect(await replica().count(fingerprint)).toBe(0);
  });

  it("are good again when WeCom takes them", async () => {
    const { replica } = refusals();
    const one = replica();
    await one.remember(fingerprint, refusalBy(40001));
    await one.clear(fingerprint);

    expect([await one.count(fingerprint), await replica().count(fingerprint)]).toEqual([0, 0]);
    expect(await one.remember(fingerprint, refusalBy(40001))).toBe(5000);
  });

  it("are known to this process where the store is away, and other credentials begin anew", async () => {
    const { time, store, replica, isPaused } = refusals();
    const one = replica();
    store.isAway = true;
    expect(await one.remember(fingerprint, refusalBy(40001))).toBe(5000);
    expect(await one.remember(fingerprint, refusalBy(40001))).toBe(10_000);
    time.now += 9999;
    expect([await isPaused(one), await isPaused(replica())]).toEqual([true, false]);
    time.now += 1;
    expect(await isPaused(one)).toBe(false);

    expect(await one.remember("another", refusalBy(40001))).toBe(5000);
    expect(await one.count(fingerprint)).toBe(0);
  });

  it("for the address, 60020, are paused in this replica only", async () => {
    const { replica, isPaused } = refusals();
    const [one, other] = [replica(), replica()];
    await one.remember(fingerprint, refusalBy(60020));

    expect([await isPaused(one), await isPaused(other), await other.count(fingerprint)]).toEqual([true, false, 0]);
  });

  it("are told from others by all their secrets, in their order, and give none away", () => {
    const fingerprints = [
      fingerprintOf(new Secret("a")),
      fingerprintOf(new Secret("b")),
      fingerprintOf(new Secret("a"), new Secret("b")),
      fingerprintOf(new Secret("b"), new Secret("a")),
      fingerprintOf(new Secret("ab")),
    ];

    expect(new Set(fingerprints).size).toBe(5);
    expect(fingerprintOf(new Secret("a"))).toBe(fingerprints[0]);
    for (const each of fingerprints) expect(each).toMatch(/^[\w-]{16}$/);
  });
});

describe("Fetches that fail", () => {
  function budget() {
    const { time, store } = timedStore();
    const lines: string[] = [];
    const log = { error: (_: unknown, text: string) => lines.push(text) } as never;
    const replica = () => new FailedFetches({ store, log, now: () => time.now });
    const reserve = async (of: FailedFetches, count: number, isRepeated = false) => {
      const outcomes = await Promise.allSettled(
        Array.from({ length: count }, () => of.reserve("gettoken", isRepeated)),
      );
      const granted = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      return { granted: granted.length, giveBack: () => granted.forEach((each) => each()) };
    };
    return { time, store, lines, replica, reserve };
  }

  it("may be 600 in an hour, of all replicas together, and 500 of credentials that were refused before", async () => {
    const { replica, reserve } = budget();
    const [one, other] = [replica(), replica()];

    expect((await reserve(one, 501, true)).granted).toBe(500);
    expect((await reserve(other, 1, true)).granted).toBe(0);
    expect((await reserve(other, 101)).granted).toBe(100);
    expect((await reserve(one, 1)).granted).toBe(0);
  });

  it("are told to come back in a minute, and the operator is told once a minute", async () => {
    const { replica, reserve, lines, time } = budget();
    const one = replica();
    await reserve(one, 600);
    const refused: unknown = await one.reserve("gettoken", false).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(WecomOverloadError);
    expect(refused).toMatchObject({ api: "gettoken", retryAfterSeconds: 60 });
    await reserve(one, 10);
    expect(lines).toHaveLength(1);
    time.now += 60_000;
    await reserve(one, 10);

    expect(lines).toHaveLength(2);
  });

  it("count for an hour, by ten minutes", async () => {
    const { replica, reserve, time } = budget();
    const one = replica();
    await reserve(one, 599);
    // Ten minutes of them begin at a multiple of ten minutes; the seventh is the last that an hour reaches into.
    time.now = Math.floor(start / 600_000) * 600_000 + 7 * 600_000 - 1;
    expect((await reserve(one, 2)).granted).toBe(1);
    time.now += 1;

    expect((await reserve(one, 700)).granted).toBe(599);
  });

  it("are no failures when they are given back, whenever they were made", async () => {
    const { replica, reserve, time } = budget();
    const one = replica();
    const { giveBack } = await reserve(one, 300);
    time.now += 600_000;
    await reserve(one, 300);
    expect((await reserve(one, 1)).granted).toBe(0);
    giveBack();
    // All that are given back at a time are written together.
    for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();

    expect((await reserve(replica(), 400)).granted).toBe(300);
  });

  it("may be 100 of each replica while the store is away", async () => {
    const { replica, reserve, store } = budget();
    store.isAway = true;

    expect((await reserve(replica(), 101)).granted).toBe(100);
    expect((await reserve(replica(), 101)).granted).toBe(100);
  });
});

describe("Whether WeCom takes the app's own credentials", () => {
  const tokensThat = (get: () => Promise<Secret>) => ({ get, invalidate: () => true });
  const check = async (get: () => Promise<Secret>, before?: (check: CredentialCheck) => void) => {
    const lines: [string, Record<string, unknown>][] = [];
    const note = (level: string) => (fields: Record<string, unknown>) => lines.push([level, fields]);
    const made = new CredentialCheck(() => "app");
    before?.(made);
    await made.run(tokensThat(get), {
      corp: "corp",
      timeoutMs: 1000,
      log: { warn: note("warn"), error: note("error") } as never,
    });
    return { lines, problem: made.problem, made };
  };

  it("is no problem while it does", async () => {
    expect(await check(() => Promise.resolve(new Secret("token")))).toMatchObject({ lines: [], problem: undefined });
  });

  it("is told with the errcode and what to do, until a token is held", async () => {
    const { made } = await check(() => Promise.resolve(new Secret("token")));
    made.noteRefused("another app", refusalBy(40001), true);
    expect(made.problem).toBeUndefined();
    made.noteRefused("app", refusalBy(40001), true);
    expect(made.problem).toMatch(/errcode 40001\): .+\. .+/);
    made.noteHeld("another app");
    expect(made.problem).toBeDefined();
    made.noteHeld("app");
    expect(made.problem).toBeUndefined();
    made.noteRefused("app", refusalBy(123_456), true);

    expect(made.problem).toMatch(/errcode 123456\)$/);
  });

  it("is logged where the refusal is a moment old, and once", async () => {
    const refused = () => Promise.reject(refusalBy(40001));

    expect((await check(refused)).lines).toEqual([
      ["error", expect.objectContaining({ api: "gettoken", errcode: 40001 })],
    ]);
    expect((await check(refused, (made) => made.noteRefused("app", refusalBy(40001), false))).lines).toHaveLength(1);
    expect((await check(refused, (made) => made.noteRefused("app", refusalBy(40001), true))).lines).toEqual([]);
  });

  it("is not known where it could not be tried", async () => {
    const { lines, problem } = await check(() => Promise.reject(new Error("away")));

    expect([lines.map(([level]) => level), problem]).toEqual([["warn"], undefined]);
  });
});
