// A store that an older release has written: test/programs/upgrade.mjs recorded it on 2026-11-26 with the release of that night
// (before the audit log, changeable encryption keys and apps named by their agentid), which was killed in the middle of a
// create. The program itself runs two releases against each other, forth and back.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { gunzipSync } from "node:zlib";
import { DEMO_CORP } from "../../src/simulator/options.js";
import { type Simulator, startSimulator } from "../../src/simulator/index.js";
import { type Gateway, startGateway } from "../support/gateway.js";
import { checkout } from "../support/running.js";

const recordedAtMs = Date.parse("2026-11-26T09:23:36.886Z");
const settledLivingid = "Wa6r7YqEtJEQ6FWI6vX7P8I8fz8RPX0h";
const create = `mutation ($input: LivingInput!, $key: ID) {
  createLiving(input: $input, idempotencyKey: $key) { __typename ... on CreateLivingSuccess { livingid } }
}`;
const inputFor = (key: string) => ({
  ...{ anchorUserid: "zhangsan", theme: key, livingStart: 4_102_444_800, livingDuration: 3600 },
});

let folder: string;
let wecom: Simulator;
let gateway: Gateway;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "upgrade-"));
  await mkdir(join(folder, "store"));
  const recorded = await readFile(join(checkout, "test/stores/store-2026-11-26.gz"));
  await writeFile(join(folder, "store", "data.mdb"), gunzipSync(recorded));
  // Names in the store hold a digest of WeCom's address: this was it.
  wecom = await startSimulator({ host: "127.21.9.83", port: 21983 });
  const startedAt = Date.now();
  gateway = await startGateway({
    upstreamUrl: wecom.url,
    // A minute after it was recorded: nothing in it is over.
    now: () => recordedAtMs + 60_000 + Date.now() - startedAt,
    env: {
      ...{ DATA_DIR: folder, WECOM_TIMEOUT_MS: "1500", WECOM_SETTLE_MS: "2000" },
      ...{ WECOM_CORP_ID: DEMO_CORP.corpid, WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret },
    },
  });
});
afterEach(async () => {
  await Promise.all([gateway.close(), wecom.close()]);
  await rm(folder, { recursive: true });
});
const ask = async (key: string) =>
  (await gateway.run(create, { input: inputFor(key), key })).data!.createLiving as { livingid?: string };

describe("A store that an older release has written", () => {
  it("knows which living a key has made, and sends nothing", async () => {
    expect(await ask("settled")).toEqual({ __typename: "CreateLivingSuccess", livingid: settledLivingid });
    expect(wecom.requestsTo("living/create")).toEqual([]);
  });

  it("lets a create that was open be finished: its living is looked for first, then made, once", async () => {
    const [first, second] = [await ask("open"), await ask("open")];

    expect(first.livingid).toBe(wecom.livings.all()[0]!.livingid);
    expect(second).toEqual(first);
    expect(wecom.requestsTo("living/create")).toHaveLength(1);
    const [looked] = wecom.requests.filter(({ api }) => /^living\//.test(api));
    expect(looked!.api).toBe("living/get_user_all_livingid");
  });
});
