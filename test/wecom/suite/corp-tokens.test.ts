/** The tokens of the corps that authorised a suite: what replicas share of them, and when all of it is forgotten. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { createLogger } from "../../../src/observability/logger.js";
import { Secret } from "../../../src/observability/secret.js";
import { openEmbeddedStore } from "../../../src/stores/embedded.js";
import type { Store } from "../../../src/stores/store.js";
import { Deadline } from "../../../src/wecom/deadline.js";
import { CorpTokens, type CorpTokensOptions } from "../../../src/wecom/suite/corp-tokens.js";
import { FailedFetches } from "../../../src/wecom/tokens/failed-fetches.js";

let folder: string;
let store: Store;
let deadline: Deadline;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "corp-tokens-"));
  store = openEmbeddedStore(folder);
  deadline = new Deadline(10_000);
});
afterEach(async () => {
  deadline.close();
  await store.close();
  await rm(folder, { recursive: true });
});

const log = createLogger("silent");

/** Two replicas, and the corps for which WeCom was asked for a token. */
function twoReplicas() {
  const fetched: string[] = [];
  const shared = { store, log, now: Date.now, random: () => 0, timeoutMs: 5000 };
  const options = {
    suiteId: "suite",
    calls: {
      getCorpToken: (corpid: string) => {
        fetched.push(corpid);
        return Promise.resolve({ token: new Secret(`token-${fetched.length}`), lifeMs: 7_200_000 });
      },
    },
    codes: {
      get: (corpid: string) => Promise.resolve([{ corpid, permanentCode: new Secret("code"), isCustomised: false }]),
    },
    dependencies: { ...shared, failedFetches: new FailedFetches(shared) },
  } as unknown as CorpTokensOptions;
  const replicas = [new CorpTokens(options), new CorpTokens(options)] as const;
  const tokensOf = async (corp: string) => {
    const tokens = [];
    for (const replica of replicas) tokens.push((await replica.get({ corp, deadline, log })).reveal());
    return tokens;
  };
  return { fetched, replicas, tokensOf };
}

it("A corp's token is fetched once for all replicas, and each corp has its own", async () => {
  const { fetched, tokensOf } = twoReplicas();

  expect([await tokensOf("one"), await tokensOf("two")]).toEqual([
    ["token-1", "token-1"],
    ["token-2", "token-2"],
  ]);
  expect(fetched).toEqual(["one", "two"]);
});

it("A corp's token is forgotten in the store and by each replica when its permanent code changes; others stay", async () => {
  const { fetched, replicas, tokensOf } = twoReplicas();
  await tokensOf("one");
  await tokensOf("two");
  await replicas[0].forgetShared("one");
  replicas[0].forgetOwn("one");
  // The other has not heard of it yet.
  expect(await tokensOf("one")).toEqual(["token-3", "token-1"]);
  replicas[1].forgetOwn("one");

  expect([await tokensOf("one"), await tokensOf("two")]).toEqual([
    ["token-3", "token-3"],
    ["token-2", "token-2"],
  ]);
  expect(fetched).toEqual(["one", "two", "one"]);
  replicas[1].forgetAllOwn();
  expect(await tokensOf("one")).toEqual(["token-3", "token-3"]);
});
