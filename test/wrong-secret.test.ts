import { describe, expect, it } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toLivingError } from "../src/errors.js";
import { createLogger } from "../src/observability/logger.js";
import { openEmbeddedStore } from "../src/stores/embedded.js";
import { Deadline } from "../src/wecom/deadline.js";
import { WecomApiError } from "../src/wecom/errors.js";
import { RenewedToken } from "../src/wecom/tokens/renewed-token.js";

describe("10,000 requests with a wrong secret, over an hour and two replicas", () => {
  it("are all told so, and lead to at most 60 fetches", async () => {
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
    const kit = { store, log, now: () => now, random: () => 0, timeoutMs: 60_000 };
    const replicas = [1, 2].map(() => new RenewedToken({ key: "app", corp: "ww", api: "gettoken", fetch }, kit));
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
