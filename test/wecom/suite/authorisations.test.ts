// The queue of auth_codes by itself, over a store that goes away and a WeCom that answers when the test says so.
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createLogger } from "../../../src/observability/logger.js";
import { Secret } from "../../../src/observability/secret.js";
import { openEmbeddedStore } from "../../../src/stores/embedded.js";
import { type Store, StoreError } from "../../../src/stores/store.js";
import { WecomApiError } from "../../../src/wecom/errors.js";
import { Authorisations } from "../../../src/wecom/suite/authorisations.js";
import { PermanentCodes } from "../../../src/wecom/suite/permanent-codes.js";
import { type Authorisation, permanentCodeApi } from "../../../src/wecom/suite/suite.datasource.js";
import { SuiteRecords } from "../../../src/wecom/suite/suite-records.js";
import { until } from "../../support/until.js";

const corpid = "wwcorp";
const prefix = "suite:wwsuite:";
const nowSeconds = () => Math.floor(Date.now() / 1000);

const refusal = new WecomApiError({ api: permanentCodeApi, errcode: 40078, errmsg: "", mayHaveTakenEffect: false });

/** One replica. `exchange` waits for `answer`, which gives the permanent code "of" its auth_code. */
class Queue {
  readonly codes: PermanentCodes;
  readonly logs: string[] = [];
  readonly #answers = new Map<string, () => void>();
  readonly exchanged: string[] = [];
  readonly authorisations: Authorisations;
  isStoreAway = false;
  refusals = 0;

  readonly records: SuiteRecords;

  constructor(
    readonly store: Store,
    maxCopies?: number,
  ) {
    const own = this.#mayBeAway(store);
    const records = (this.records = new SuiteRecords(own, prefix, Date.now, maxCopies));
    this.codes = new PermanentCodes(records, prefix);
    this.authorisations = new Authorisations({
      ...{ prefix, records, store: own, codes: this.codes, timeoutMs: 200 },
      log: createLogger("debug", { write: (line) => void this.logs.push(line) }),
      metrics: { countAuthorisation: (outcome) => void this.outcomes.push(outcome) },
      exchange: (authCode) => this.#exchange(authCode.reveal()),
      onChange: () => Promise.resolve(),
    });
  }

  readonly outcomes: string[] = [];

  async answer(authCode: string): Promise<void> {
    await until(() => this.#answers.has(authCode));
    this.#answers.get(authCode)!();
  }

  /** The permanent codes, as they are tried. */
  async kept(): Promise<string[]> {
    return (await this.codes.get(corpid)).map(({ permanentCode }) => permanentCode.reveal());
  }

  #exchange(authCode: string): Promise<Authorisation> {
    this.exchanged.push(authCode);
    if (authCode.startsWith("made up")) return Promise.reject(refusal);
    return new Promise((resolve) => {
      this.#answers.set(authCode, () => {
        resolve({ corpid, permanentCode: new Secret(`of ${authCode}`), isCustomised: false });
      });
    });
  }

  #mayBeAway(store: Store): Store {
    return new Proxy(store, {
      get: (target, name: keyof Store) => {
        const given: unknown = Reflect.get(target, name);
        if (typeof given !== "function") return given;
        return (...parameters: unknown[]): unknown => {
          if (!this.isStoreAway) return given.apply(target, parameters);
          this.refusals += 1;
          return Promise.reject(new StoreError("away"));
        };
      },
    });
  }
}

let dataDir: string;
let store: Store;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "authorisations-"));
  store = openEmbeddedStore(dataDir);
});
afterEach(async () => {
  await store.close();
  await rm(dataDir, { recursive: true });
});

describe("Two authorisations of one corp", () => {
  it.each([
    ["older", ["first", "second"]],
    ["newer", ["second", "first"]],
  ])(
    "leave the newer one's code to be tried first, when the %s is exchanged first and the store is away",
    async (_which, order) => {
      const queue = new Queue(store);
      await queue.authorisations.accept(new Secret("first"), nowSeconds() - 1);
      await queue.authorisations.accept(new Secret("second"), nowSeconds());
      await until(() => queue.exchanged.length === 2);

      queue.isStoreAway = true;
      for (const authCode of order) {
        await queue.answer(authCode);
        const waiting = () => queue.logs.filter((line) => line.includes("could not be stored: retrying")).length;
        await until(() => waiting() === order.indexOf(authCode) + 1);
      }
      queue.isStoreAway = false;
      await until(() => queue.outcomes.filter((outcome) => outcome === "done").length === 2);

      expect(await queue.kept()).toEqual(["of second", "of first"]);
      await queue.authorisations.stop();
    },
  );

  it("are ordered by WeCom's time, if the store was unreachable when the older one came first", async () => {
    const queue = new Queue(store);
    const [first, second] = [nowSeconds() - 20, nowSeconds() - 10];
    queue.isStoreAway = true;
    await expect(queue.authorisations.accept(new Secret("first"), first)).rejects.toThrow(StoreError);
    queue.isStoreAway = false;
    await queue.authorisations.accept(new Secret("second"), second);
    await queue.authorisations.accept(new Secret("first"), first);
    for (const authCode of ["second", "first"]) {
      await queue.answer(authCode);
      await until(
        () => queue.outcomes.filter((outcome) => outcome === "done").length >= queue.exchanged.indexOf(authCode),
      );
    }
    await until(() => queue.outcomes.filter((outcome) => outcome === "done").length === 2);

    expect(await queue.kept()).toEqual(["of second", "of first"]);
    await queue.authorisations.stop();
  });
});

describe("Many authorisations of one corp", () => {
  it("leave the codes of all, the latest first and at most eight, in whatever order WeCom answers", async () => {
    const queue = new Queue(store);
    const authCodes = Array.from({ length: 10 }, (_, index) => `code ${index}`);
    for (const [index, authCode] of authCodes.entries()) {
      await queue.authorisations.accept(new Secret(authCode), nowSeconds() - 60 + index);
    }
    let answered = 0;
    for (const index of [4, 9, 0, 3, 8, 1, 7, 2, 6, 5]) {
      await queue.answer(`code ${index}`);
      answered += 1;
      await until(() => queue.outcomes.filter((outcome) => outcome === "done").length === answered);
    }

    const latestFirst = authCodes.map((authCode) => `of ${authCode}`).reverse();
    expect(await queue.kept()).toEqual(latestFirst.slice(0, 8));
    await queue.authorisations.stop();
  });
});

describe("An auth_code that an administrator's browser brings", () => {
  it("is dated by the store's clock, as the cancellation that may follow is by WeCom's", async () => {
    await store.close();
    const storeMs = Date.now() - 3_600_000;
    store = openEmbeddedStore(dataDir, { now: () => storeMs });
    const queue = new Queue(store);
    await queue.authorisations.accept(new Secret("code"));
    await queue.answer("code");
    await until(() => queue.outcomes.includes("done"));

    const authorisedAt = Math.floor(storeMs / 1000);
    expect(await queue.codes.cancel(corpid, authorisedAt - 1)).toBe(false);
    expect(await queue.codes.cancel(corpid, authorisedAt + 1)).toBe(true);
    await queue.authorisations.stop();
  });
});

describe("Auth_codes that strangers make up", () => {
  it("do not push permanent codes out of the memory from which they are put back", async () => {
    const queue = new Queue(store, 5);
    await queue.codes.save(
      { corpid, permanentCode: new Secret("good"), isCustomised: false },
      Date.now(),
      nowSeconds(),
    );
    for (let count = 1; count <= 20; count += 1) {
      const id = await queue.authorisations.accept(new Secret(`made up ${count}`));
      expect(await queue.authorisations.outcome(id, 5000)).toMatchObject({ state: "refused" });
      await until(() => queue.outcomes.filter((outcome) => outcome === "refused").length === count);
    }
    await store.delete(`${prefix}corp:${corpid}`);
    await queue.records.putBackWhatIsLost();

    expect(await new Queue(store).kept()).toEqual(["good"]);
    await queue.authorisations.stop();
  });

  it("are not taken any more when five hundred are under way, but WeCom's own are", async () => {
    const queue = new Queue(store);
    await Promise.all(Array.from({ length: 500 }, (_, index) => queue.authorisations.accept(new Secret(`${index}`))));

    await expect(queue.authorisations.accept(new Secret("one more"))).rejects.toThrow(StoreError);
    await queue.authorisations.accept(new Secret("by WeCom"), nowSeconds());
    await queue.authorisations.stop();
  });
});

describe("An auth_code that WeCom has exchanged for one replica", () => {
  it("is not lost, whatever another replica made of it after a failover", async () => {
    const queue = new Queue(store);
    const id = await queue.authorisations.accept(new Secret("code"), nowSeconds());
    await queue.answer("code");
    await until(() => queue.outcomes.includes("done"));
    const key = `${prefix}auth-code:${id}`;
    const { number, at, corpid: authorised } = JSON.parse((await store.get(key))!);
    expect(authorised).toBe(corpid);

    // The new server knew of no exchange: another replica sent the code again, more than once.
    await store.set(key, JSON.stringify({ number, at, revision: 9, state: "refused" }));
    await queue.records.putBackWhatIsLost();

    expect(JSON.parse((await store.get(key))!)).toMatchObject({ state: "done", corpid });
    await queue.authorisations.stop();
  });
});

describe("An auth_code whose process died before it was in the queue", () => {
  const leave = async (ageMs: number) => {
    const number = Date.now() - ageMs;
    const record = {
      number,
      revision: 0,
      state: "pending",
      authCode: "left",
      at: Math.floor(number / 1000),
      untilMs: 0,
    };
    await store.set(`${prefix}auth-code:digest`, JSON.stringify(record));
  };

  it("is exchanged, and its permanent code replaces the one from before it", async () => {
    const old = { permanentCode: "of an earlier one", isCustomised: false, at: nowSeconds() - 86_400 };
    await store.set(`${prefix}corp:${corpid}`, JSON.stringify(old));
    await leave(60_000);
    const queue = new Queue(store);
    void queue.authorisations.start();
    await queue.answer("left");
    await until(() => queue.outcomes.includes("done"));

    expect(await queue.kept()).toEqual(["of left"]);
    await queue.authorisations.stop();
  });

  it("expires, when it is too old", async () => {
    await leave(3_600_000);
    const queue = new Queue(store);
    void queue.authorisations.start();
    await until(() => queue.outcomes.includes("expired"));

    expect(queue.exchanged).toEqual([]);
    await queue.authorisations.stop();
  });
});

describe("A gateway that ends while the store is away", () => {
  it("leaves nothing running, and says that the permanent code is lost", async () => {
    const queue = new Queue(store);
    await queue.authorisations.accept(new Secret("code"), nowSeconds());
    await until(() => queue.exchanged.length === 1);
    queue.isStoreAway = true;
    await queue.answer("code");
    await until(() => queue.logs.some((line) => line.includes("could not be stored: retrying")));

    const stoppedAt = performance.now();
    await queue.authorisations.stop();
    // It would try again until it is stored, which it never is here.
    expect(performance.now() - stoppedAt).toBeLessThan(20_000);
    await until(() => queue.logs.some((line) => line.includes("has to authorise the app again")));
    const { refusals } = queue;
    await wait(250);
    expect(queue.refusals).toBe(refusals);
  });
});
