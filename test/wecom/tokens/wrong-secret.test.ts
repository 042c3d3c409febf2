import { describe, expect, it } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "../../../src/observability/secret.js";
import { toLivingError } from "../../../src/errors.js";
import { createLogger } from "../../../src/observability/logger.js";
import { openEmbeddedStore } from "../../../src/stores/embedded.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { WecomApiError } from "../../../src/wecom/errors.js";
import { FailedFetches } from "../../../src/wecom/tokens/failed-fetches.js";
import { RenewedToken } from "../../../src/wecom/tokens/renewed-token.js";

describe("A secret that is wrong again, after it was right", () => {
  it("is tried again after the first, short pause", async () => {
    const folder = await mkdtemp(join(tmpdir(), "refusals-"));
    let now = Date.now();
    let fetches = 0;
    let isRight = false;
    const log = createLogger("silent");
    const store = openEmbeddedStore(folder, { now: () => now });
    const refusal = new WecomApiError({ api: "gettoken", errcode: 40001, errmsg: "", mayHaveTakenEffect: false });
    const fetch = () => {
      fetches += 1;
      return isRight ? Promise.resolve({ token: new Secret("token"), lifeMs: 7_200_000 }) : Promise.reject(refusal);
    };
    const shared = { store, log, now: () => now, random: () => 0, timeoutMs: 60_000 };
    const dependencies = { ...shared, failedFetches: new FailedFetches(shared) };
    const credentials = () => Promise.resolve({ fingerprint: "secret", attempts: [fetch] });
    const tokens = new RenewedToken({ key: "app", corp: "ww", api: "gettoken", credentials }, dependencies);
    const call = { corp: "ww", deadline: new Deadline(600_000), log };
    const isServed = () =>
      tokens.get(call).then(
        () => true,
        () => false,
      );

    // After pauses of 5, 10, 20 and 40 seconds.
    for (const seconds of [0, 5, 10, 20]) {
      now += seconds * 1000;
      expect(await isServed()).toBe(false);
    }
    now += 40_000;
    isRight = true;
    expect(await isServed()).toBe(true);
    expect(fetches).toBe(5);

    isRight = false;
    tokens.invalidate(new Secret("token"));
    expect(await isServed()).toBe(false);
    now += 5000;
    expect(await isServed()).toBe(false);
    expect(fetches).toBe(7);
    call.deadline.close();
    await store.close();
    await rm(folder, { recursive: true });
  });
});

describe("10,000 requests with a wrong secret, over an hour and two replicas", () => {
  it("all fail with that error, and lead to at most 60 fetches", async () => {
    const folder = await mkdtemp(join(tmpdir(), "refusals-"));
    let now = Date.now();
    let fetches = 0;
    const log = createLogger("silent");
    const store = openEmbeddedStore(folder, { now: () => now });
    const fetch = () => {
      fetches += 1;
      return Promise.reject(
        new WecomApiError({ api: "gettoken", errcode: 40001, errmsg: "", mayHaveTakenEffect: false }),
      );
    };
    const shared = { store, log, now: () => now, random: () => 0, timeoutMs: 60_000 };
    const dependencies = { ...shared, failedFetches: new FailedFetches(shared) };
    const credentials = () => Promise.resolve({ fingerprint: "secret", attempts: [fetch] });
    const replicas = [1, 2].map(
      () => new RenewedToken({ key: "app", corp: "ww", api: "gettoken", credentials }, dependencies),
    );
    const call = { corp: "ww", deadline: new Deadline(600_000), log };
    const told = new Set<string>();
    for (let request = 0; request < 10_000; request += 1) {
      await replicas[request % 2]!.get(call).catch((error: unknown) => told.add(toLivingError(error).__typename));
      now += 360;
    }
    expect(told).toEqual(new Set(["LivingConfigurationError"]));
    expect(fetches).toBeGreaterThan(20);
    expect(fetches).toBeLessThanOrEqual(60);
    call.deadline.close();
    await store.close();
    await rm(folder, { recursive: true });
  });
});
