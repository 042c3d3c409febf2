// What WeCom refused, and what may be tried again when: over a fake clock, at the tokens themselves.
import { afterAll, beforeEach, describe, expect, it } from "@jest/globals";
import { createLogger } from "../../../src/observability/logger.js";
import { Secret } from "../../../src/observability/secret.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { WecomApiError } from "../../../src/wecom/errors.js";
import { FailedFetches, failuresPerHour } from "../../../src/wecom/tokens/failed-fetches.js";
import { RenewedToken } from "../../../src/wecom/tokens/renewed-token.js";
import { MemoryStore } from "../../support/memory-store.js";

let storeNow = 1_800_000_000_000;
const store = new MemoryStore(() => storeNow);
let corps = 0;
let corp: string;
const log = createLogger("silent");
const call = { corp: "ww", deadline: new Deadline(600_000), log };

beforeEach(() => {
  corp = `corp-${(corps += 1)}`;
  // The failures of another test are over.
  storeNow += 2 * 3_600_000;
});
afterAll(() => call.deadline.close());

const refusalBy = (errcode: number) =>
  new WecomApiError({ api: "gettoken", errcode, errmsg: "", mayHaveTakenEffect: false });

/** One replica's process: its clock, its budget, and the tokens that it fetches with what `secret` gives. */
class Process {
  readonly fetches: string[] = [];
  readonly #failedFetches: FailedFetches;

  constructor(
    private readonly verdict: (secret: string) => number,
    private readonly now = () => storeNow,
  ) {
    this.#failedFetches = new FailedFetches({ store, log, now });
  }

  /** @param secrets one, or several with `|` between them */
  tokens(key: string, secrets: () => string): () => Promise<string> {
    const fetchWith = (secret: string) => () => {
      this.fetches.push(secret);
      const errcode = this.verdict(secret);
      if (errcode !== 0) return Promise.reject(refusalBy(errcode));
      return Promise.resolve({ token: new Secret(`token of ${secret}`), lifeMs: 7_200_000 });
    };
    const credentials = () =>
      Promise.resolve({
        fingerprint: secrets(),
        attempts: secrets().split("|").map(fetchWith),
      });
    const tokens = new RenewedToken(
      { key, corp: key, api: "gettoken", credentials },
      { store, log, now: this.now, random: () => 0, timeoutMs: 60_000, failedFetches: this.#failedFetches },
    );
    return () =>
      tokens.get(call).then(
        () => "served",
        (error: unknown) => (error instanceof WecomApiError ? String(error.errcode) : (error as Error).name),
      );
  }
}

describe("Credentials that WeCom refused", () => {
  it("do not hold up others: a corrected secret is tried at once, in any replica", async () => {
    const verdict = (secret: string) => (secret === "right" ? 0 : 40001);
    const old = new Process(verdict).tokens(corp, () => "wrong");
    for (let hours = 0; hours < 20; hours += 1) {
      await old();
      storeNow += 110_000;
    }
    expect(await new Process(verdict).tokens(corp, () => "right")()).toBe("served");
  });

  it("do not hold up others in the same process: a fresh ticket, a new permanent code", async () => {
    let secret = "old ticket";
    const process = new Process((used) => (used === "old ticket" ? 40085 : 0));
    const get = process.tokens(corp, () => secret);
    expect([await get(), await get()]).toEqual(["40085", "40085"]);
    secret = "new ticket";
    expect(await get()).toBe("served");
    expect(process.fetches).toEqual(["old ticket", "new ticket"]);
  });

  it.each([-3_600_000, 3_600_000])(
    "are tried again when the store's clock says so, not that of who was told (%i ms)",
    async (skewMs) => {
      const [one, other] = [
        new Process(
          () => 40001,
          () => storeNow + skewMs,
        ),
        new Process(() => 40001),
      ];
      await one.tokens(corp, () => "wrong")();
      const get = other.tokens(corp, () => "wrong");
      storeNow += 4_900;
      await get();
      expect(other.fetches).toHaveLength(0);
      storeNow += 200;
      await get();
      expect(other.fetches).toHaveLength(1);
    },
  );

  it("are tried by a replica of another address, when it was the address that was refused", async () => {
    const [one, other] = [new Process(() => 60020), new Process(() => 0)];
    const refused = one.tokens(corp, () => "right");
    expect([await refused(), await refused()]).toEqual(["60020", "60020"]);
    expect(one.fetches).toHaveLength(1);
    expect(await other.tokens(corp, () => "right")()).toBe("served");
  });

  it.each([45009, -1])("are not those of a fetch that WeCom answers with %i", async (errcode) => {
    let isBusy = true;
    const process = new Process(() => (isBusy ? errcode : 0));
    const get = process.tokens(corp, () => "right");
    expect(await get()).toBe(String(errcode));
    isBusy = false;
    expect(await get()).toBe("served");
  });
});

describe("An hour of 60 corps with stale permanent codes, two replicas, and corps that are well", () => {
  it("has at most 600 fetches that fail, and serves those that are well throughout", async () => {
    const verdict = (secret: string) => (secret.startsWith("stale") ? 40084 : 0);
    const processes = [new Process(verdict), new Process(verdict)];
    const stale = processes.map((process) =>
      Array.from({ length: 60 }, (_, index) => process.tokens(`${corp}-stale-${index}`, () => `stale ${index}`)),
    );
    const served = [];
    for (let seconds = 0; seconds < 3600; seconds += 60) {
      storeNow += 60_000;
      await Promise.all(stale.flat().map((get) => get()));
      served.push(await processes[0]!.tokens(`${corp}-well-${seconds}`, () => "well")());
    }
    expect(new Set(served)).toEqual(new Set(["served"]));
    const failed = processes.flatMap(({ fetches }) => fetches).filter((secret) => secret.startsWith("stale"));
    expect(failed.length).toBeGreaterThan(400);
    expect(failed.length).toBeLessThanOrEqual(failuresPerHour);
  }, 60_000);

  it("has at most 600 that fail, when a thousand corps are refused at once", async () => {
    const process = new Process(() => 40084);
    await Promise.all(Array.from({ length: 1000 }, (_, index) => process.tokens(`${corp}-${index}`, () => "stale")()));
    expect(process.fetches).toHaveLength(failuresPerHour);
    storeNow += 4_300_000;
    await process.tokens(`${corp}-later`, () => "stale")();
    expect(process.fetches).toHaveLength(failuresPerHour + 1);
  });

  it("has at most 600 that fail, when of each corp two secrets are tried", async () => {
    const process = new Process((secret) => (secret === "good" ? 0 : 40084));
    const secrets = (index: number) => (index < 200 ? "new|good" : "new|old");
    await Promise.all(
      Array.from({ length: 1000 }, (_, index) => process.tokens(`${corp}-${index}`, () => secrets(index))()),
    );
    expect(process.fetches.filter((secret) => secret !== "good")).toHaveLength(failuresPerHour);
    const before = process.fetches.length;
    // Of a corp whose second secret was not tried any more, the first one's refusal counts all the same.
    await process.tokens(`${corp}-900`, () => secrets(900))();
    expect(process.fetches).toHaveLength(before);
  });

  it("counts without the store as well, and less", async () => {
    const gone = new MemoryStore(() => storeNow);
    gone.isAway = true;
    const failures = new FailedFetches({ store: gone, log, now: () => storeNow });
    const granted = await Promise.allSettled(Array.from({ length: 300 }, () => failures.reserve("gettoken", false)));
    expect(granted.filter(({ status }) => status === "fulfilled")).toHaveLength(100);
  });
});
