// What a click on "create" comes to: one living, whatever the network does. Seen at the simulator, by what was sent and made.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Fault } from "../../../src/simulator/index.js";
import { openEmbeddedStore } from "../../../src/stores/embedded.js";
import { CreateLivingDocument, type LivingInput } from "../../../packages/client/src/index.js";
import { corpid, type Gateway, startGateway } from "../../support/gateway.js";
import { minimalInput } from "../../support/inputs.js";
import { describeWithRedis, TestRedis } from "../../support/redis.js";
import { until } from "../../support/until.js";

const app = { corpid, agentid: 1000014 };
const settleMs = 60_000;

let gateway: Gateway;
/** Gives up soon: for what is not to be found. */
let impatient: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ env: { WECOM_TIMEOUT_MS: "6000" } });
  impatient = await startGateway({ env: { WECOM_TIMEOUT_MS: "1000" } });
});
afterAll(async () => {
  await gateway.close();
  await impatient.close();
});
beforeEach(() => {
  for (const { simulator } of [gateway, impatient]) {
    simulator.faults.clear();
    simulator.forgetRequests();
    simulator.livings.clear();
  }
});

/** One that gives up soon and of which nothing is left unfinished, with a clock that can be put forward. */
async function startAfresh() {
  let ahead = 0;
  const fresh = await startGateway({ now: () => Date.now() + ahead, env: { WECOM_TIMEOUT_MS: "1000" } });
  return Object.assign(fresh, {
    putForward: (ms: number) => {
      ahead += ms;
    },
  });
}

let keys = 0;
const newKey = () => `key-${(keys += 1)}`;

const createVia = async (
  via: Gateway,
  idempotencyKey: string | null,
  input: Partial<LivingInput> = {},
  headers: Record<string, string> = {},
) => {
  const variables = { input: { ...minimalInput, ...input }, idempotencyKey };
  const { data, errors } = await via.run(CreateLivingDocument, variables, headers);
  expect(errors).toEqual([]);
  return data!.createLiving;
};
const create = (...[key, input, headers]: [string | null, Partial<LivingInput>?, Record<string, string>?]) =>
  createVia(gateway, key, input, headers);
const lose = (via: Gateway, fault: Fault) => {
  via.simulator.faults.inject({ ...fault, api: "living/create" });
};
const sentBy = (via: Gateway) => via.simulator.requestsTo("living/create").length;
const madeBy = (via: Gateway) => via.simulator.livings.all().map(({ livingid }) => livingid);

const success = (livingid: string | undefined) => ({
  __typename: "CreateLivingSuccess",
  livingid,
  living: { livingid },
});

describe("An idempotency key", () => {
  it("creates one living, however often it is sent, and answers each time with it", async () => {
    const key = newKey();
    const answers = [await create(key), await create(key), await create(key)];

    const [livingid] = madeBy(gateway);
    expect(answers).toEqual(answers.map(() => success(livingid)));
    expect(sentBy(gateway)).toBe(1);
  });

  it("creates one living when it is sent many times at once", async () => {
    const key = newKey();
    const answers = await Promise.all(Array.from({ length: 20 }, () => create(key)));

    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ livingid: madeBy(gateway)[0] });
    expect(sentBy(gateway)).toBe(1);
  });

  it("is given up 24 hours after it was first seen, and says what to look at", async () => {
    await using fresh = await startAfresh();
    const key = newKey();
    lose(fresh, { kind: "drop" });
    fresh.simulator.faults.inject({
      ...{ kind: "errcode", errcode: 60111, errmsg: "userid not found" },
      ...{ api: "living/get_user_all_livingid", times: 0 },
    });
    expect(await createVia(fresh, key)).toMatchObject({ __typename: "LivingOutcomeUnknownError", retryable: true });

    fresh.putForward(24 * 3_600_000);
    await until(async () => (await fresh.fetch("/metrics")).text.includes('wecom_creates_total{outcome="given-up"} 1'));
    expect(await createVia(fresh, key)).toMatchObject({
      __typename: "LivingOutcomeUnknownError",
      retryable: false,
      howToFindOut: expect.stringContaining("livings"),
    });
    expect(sentBy(fresh)).toBe(1);
    expect(fresh.logs).toContainEqual(
      expect.objectContaining({ level: "error", msg: expect.stringContaining("is still unknown"), theme: "theme" }),
    );
  });

  it("may have 255 characters of any kind, and not none, and not one more", async () => {
    expect(await create("👋".repeat(255))).toMatchObject({ __typename: "CreateLivingSuccess" });
    gateway.simulator.forgetRequests();

    for (const key of ["", "k".repeat(256)]) {
      expect(await create(key, { theme: "" })).toMatchObject({
        __typename: "LivingInputError",
        fields: [{ path: "theme" }, { path: "idempotencyKey", constraint: "hasCharacters" }],
      });
    }
    expect(sentBy(gateway)).toBe(0);
  });

  it("is refused with another input", async () => {
    const key = newKey();
    await create(key);

    expect(await create(key, { livingDuration: 1800 })).toMatchObject({
      __typename: "LivingInputError",
      retryable: false,
      fields: [{ path: "idempotencyKey" }],
    });
    expect(sentBy(gateway)).toBe(1);
  });

  it("is refused with another input also while the first is under way", async () => {
    const key = newKey();
    lose(gateway, { kind: "delay", delayMs: 300 });
    const first = create(key);
    await until(() => sentBy(gateway) === 1);

    expect(await create(key, { livingDuration: 1800 })).toMatchObject({ __typename: "LivingInputError" });
    expect(await first).toMatchObject({ __typename: "CreateLivingSuccess" });
  });

  it("is each caller's own", async () => {
    const key = newKey();
    const [one, other] = await Promise.all(
      ["lisi", "wangwu"].map((userid) => create(key, {}, { "x-wecom-userid": userid })),
    );

    expect(madeBy(gateway).sort()).toEqual(
      [one, other].map((answer) => (answer as { livingid: string }).livingid).sort(),
    );
  });

  it("waits for the first that has it, then tells that the outcome is open, and what to do", async () => {
    const key = newKey();
    lose(impatient, { kind: "hang", effect: { lateMs: 60_000 } });
    const first = createVia(impatient, key);
    await until(() => sentBy(impatient) === 1);

    const answers = [await createVia(impatient, key), await first];

    for (const answer of answers) {
      expect(answer).toMatchObject({
        __typename: "LivingOutcomeUnknownError",
        retryable: true,
        howToFindOut: expect.stringContaining("same idempotency key"),
      });
    }
    expect(sentBy(impatient)).toBe(1);

    impatient.simulator.applyLateEffects();
    expect(await createVia(impatient, key)).toMatchObject({ livingid: madeBy(impatient)[0] });
    expect(sentBy(impatient)).toBe(1);
  });
});

describe("An idempotency key whose create has failed", () => {
  it("answers with the refusal as at the first time, when WeCom refused the request itself", async () => {
    const key = newKey();
    gateway.simulator.faults.inject({ kind: "errcode", errcode: 60011, errmsg: "no privilege", api: "living/create" });

    const answers = [await create(key), await create(key)];

    expect(answers[0]).toMatchObject({ __typename: "LivingPermissionError", errcode: 60011 });
    expect(answers[1]).toEqual(answers[0]);
    expect(sentBy(gateway)).toBe(1);
  });

  it.each([
    ["too many calls", { kind: "errcode", errcode: 45033 }, "LivingRateLimitError"],
    ["the gateway's address", { kind: "errcode", errcode: 60020 }, "LivingConfigurationError"],
  ] as const)("may be sent again when WeCom refused for %s", async (_, fault, member) => {
    const key = newKey();
    lose(gateway, fault);

    expect(await create(key)).toMatchObject({ __typename: member });
    expect(await create(key)).toMatchObject({ __typename: "CreateLivingSuccess" });
    expect(madeBy(gateway)).toHaveLength(1);
  });

  it("may be sent again when there was no token, and nothing was sent", async () => {
    await using tokenless = await startGateway({ env: { WECOM_TIMEOUT_MS: "1000" } });
    tokenless.simulator.faults.inject({ kind: "drop", api: "gettoken", times: 3 });
    const key = newKey();

    expect(await createVia(tokenless, key)).toMatchObject({ __typename: "LivingUnavailableError", retryable: true });
    expect(await createVia(tokenless, key)).toMatchObject({ __typename: "CreateLivingSuccess" });
    expect(sentBy(tokenless)).toBe(1);
  });
});

describe("The header Idempotency-Key", () => {
  const header = (key: string) => ({ "idempotency-key": key });
  const two = `mutation ($input: LivingInput!, $key: ID) {
    one: createLiving(input: $input, idempotencyKey: $key) { ...Answer } ...Other }
    fragment Other on Mutation { other: createLiving(input: $input) { ...Answer } }
    fragment Answer on CreateLivingResult { __typename ... on LivingInputError { fields { path constraint } } }`;

  it("does the same as the argument, with or without the quotes of its draft", async () => {
    const key = newKey();
    const answers = [
      await create(null, {}, header(key)),
      await create(null, {}, header(`"${key}"`)),
      await create(key),
      await create(key, {}, header(key)),
    ];

    expect(answers).toEqual(answers.map(() => success(madeBy(gateway)[0])));
    expect(sentBy(gateway)).toBe(1);
  });

  it("is refused beside another key as argument, and when it is too long", async () => {
    expect(await create(newKey(), {}, header(newKey()))).toMatchObject({ fields: [{ path: "idempotencyKey" }] });
    expect(await create(null, {}, header("k".repeat(256)))).toMatchObject({ fields: [{ path: "idempotencyKey" }] });
    expect(sentBy(gateway)).toBe(0);
  });

  it("is refused for an operation with more than one create", async () => {
    const { data } = await gateway.run(two, { input: minimalInput, key: null }, header(newKey()));

    const refusal = {
      __typename: "LivingInputError",
      fields: [{ path: "idempotencyKey", constraint: "isForOneCreate" }],
    };
    expect(data).toEqual({ one: refusal, other: refusal });
    expect(sentBy(gateway)).toBe(0);
  });
});

describe("A create whose answer is lost", () => {
  it.each([
    ["the connection broke after WeCom acted", { kind: "drop", effect: "applied" }],
    ["WeCom says -1 although it acted", { kind: "errcode", errcode: -1, effect: "applied" }],
    ["WeCom never answers, but acted", { kind: "hang", effect: "applied" }],
    ["WeCom acts late", { kind: "drop", effect: { lateMs: 350 } }],
    ["WeCom warns of the JSON, but acted", { kind: "warned-success" }],
    ["there is no livingid in the answer", { kind: "missing-fields", fields: ["livingid"] }],
    ["a proxy answers 502, but WeCom acted", { kind: "http", status: 502, effect: "applied" }],
  ] as [string, Fault][])(
    "is found when %s, with a key and without",
    async (_, fault) => {
      // Of its own: a busy WeCom is asked for less at once afterwards.
      await using fresh = await startGateway({ env: { WECOM_TIMEOUT_MS: "6000" } });
      lose(fresh, { ...fault, times: 2 });
      const creates: [string, string | null][] = [
        ["with a key", newKey()],
        ["without", null],
      ];
      const answers = await Promise.all(creates.map(([theme, key]) => createVia(fresh, key, { theme })));

      const made = new Map(fresh.simulator.livings.all().map(({ booking, livingid }) => [booking.theme, livingid]));
      expect(answers).toEqual(creates.map(([theme]) => success(made.get(theme))));
      expect([madeBy(fresh).length, sentBy(fresh)]).toEqual([2, 2]);
    },
    30_000,
  );

  it("is found among many livings of the anchor, in whatever order WeCom lists them", async () => {
    const orders = ["newest-first", "oldest-first"] as const;
    await Promise.all(
      orders.map(async (livingidOrder) => {
        await using crowded = await startGateway({ simulator: { assumptions: { livingidOrder } } });
        for (let count = 0; count < 230; count += 1) {
          crowded.simulator.livings.reserve(app, { ...alike(), theme: `other ${count}` });
        }
        lose(crowded, { kind: "drop", effect: "applied" });

        expect(await createVia(crowded, null)).toEqual(
          success(crowded.simulator.livings.all().find(({ booking }) => booking.theme === "theme")!.livingid),
        );
      }),
    );
  });

  it("is looked for only among livings that are no other create's", async () => {
    await using crowded = await startGateway();
    for (let count = 0; count < 20; count += 1) await createVia(crowded, newKey(), { theme: `other ${count}` });
    lose(crowded, { kind: "drop", effect: "applied" });

    expect(await createVia(crowded, newKey())).toMatchObject({ livingid: madeBy(crowded)[20] });
    expect(crowded.simulator.requestsTo("living/get_living_info")).toHaveLength(1);
  });

  it("is found although another living of the anchor cannot be looked at", async () => {
    await using crowded = await startGateway({ simulator: { assumptions: { livingidOrder: "oldest-first" } } });
    for (const theme of ["one", "two"]) crowded.simulator.livings.reserve(app, { ...alike(), theme });
    lose(crowded, { kind: "drop", effect: "applied" });
    crowded.simulator.faults.inject({ kind: "errcode", errcode: 60020, api: "living/get_living_info" });

    expect(await createVia(crowded, newKey())).toMatchObject({ livingid: madeBy(crowded)[2] });
    expect(crowded.simulator.requestsTo("living/get_user_all_livingid")).toHaveLength(1);
  });

  it("is found although WeCom returns another type than was sent, as has been seen", async () => {
    lose(gateway, { kind: "drop" });
    gateway.simulator.livings.reserve(app, { ...alike(), type: 0 });

    expect(await create(newKey(), { type: "TRAINING" })).toMatchObject({ livingid: madeBy(gateway)[0] });
  });

  it("is not given the living of another create alike, had that a key or not", async () => {
    for (const other of [newKey(), null]) {
      impatient.simulator.livings.clear();
      await createVia(impatient, other);
      lose(impatient, { kind: "drop", times: 2 });
      expect(await Promise.all([createVia(impatient, newKey()), createVia(impatient, null)])).toMatchObject([
        { __typename: "LivingOutcomeUnknownError" },
        { __typename: "LivingOutcomeUnknownError" },
      ]);
    }
  });

  it("keeps one of two livings that match, and tells the operator of the other", async () => {
    const matches = [1, 2].map(() => gateway.simulator.livings.reserve(app, alike()).livingid);
    lose(gateway, { kind: "drop" });
    const before = gateway.logs.length;

    const answer = await create(newKey());

    expect(matches).toContain((answer as { livingid: string }).livingid);
    const told = gateway.logs.slice(before).filter(({ msg }) => String(msg).includes("several livings match"));
    expect(told.flatMap(({ kept, left }) => [kept, ...(left as string[])]).sort()).toEqual([...matches].sort());
  });

  it("and that another process has sent again and finished, is told as two livings", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "doubled-"));
    await using fresh = await startGateway({ env: { DATA_DIR: dataDir } });
    const store = openEmbeddedStore(dataDir);
    lose(fresh, { kind: "delay", delayMs: 400 });
    const answer = createVia(fresh, newKey());
    await until(() => sentBy(fresh) === 1);
    for await (const [key, text] of store.scan("create:")) {
      const { digest, endsAtMs } = JSON.parse(text) as { digest: string; endsAtMs: number };
      const record = { digest, endsAtMs, state: "done", outcome: { livingid: "of-the-other-process" } };
      await store.set(key, JSON.stringify(record), { expiresInMs: 60_000 });
    }

    expect(await answer).toMatchObject({ livingid: "of-the-other-process" });
    expect((await fresh.fetch("/metrics")).text).toMatch(/^wecom_creates_total\{outcome="doubled"\} 1$/m);
    expect(fresh.logs).toContainEqual(
      expect.objectContaining({ level: "error", kept: "of-the-other-process", left: madeBy(fresh) }),
    );
    await store.close();
    await rm(dataDir, { recursive: true });
  });
});

describe("A create whose living is not found", () => {
  it("is not taken for a living with another theme, start, duration, type, description or anchor", async () => {
    const others: Partial<ReturnType<typeof alike>>[] = [
      { theme: "another" },
      { startSeconds: alike().startSeconds + 1 },
      { durationSeconds: 1 },
      { type: 1 },
      { description: "another" },
      { anchorUserid: "lisi" },
    ];
    const themes = others.map((_, index) => `theme ${index}`);
    lose(impatient, { kind: "drop", times: others.length });
    others.forEach((other, index) =>
      impatient.simulator.livings.reserve(app, { ...alike(), theme: themes[index]!, ...other }),
    );
    const createAll = (key: () => string | null) =>
      Promise.all(themes.map((theme) => createVia(impatient, key(), { theme })));

    expect(await createAll(newKey)).toMatchObject(themes.map(() => ({ __typename: "LivingOutcomeUnknownError" })));
    expect(await createAll(() => null)).toMatchObject(themes.map(() => ({ __typename: "CreateLivingSuccess" })));
  });

  it("without a key is never sent again, and the error says what to do", async () => {
    await using fresh = await startAfresh();
    lose(fresh, { kind: "drop" });

    expect(await createVia(fresh, null)).toMatchObject({
      __typename: "LivingOutcomeUnknownError",
      retryable: false,
      howToFindOut: expect.stringContaining("livings"),
    });
    fresh.putForward(settleMs);
    await wait(1500);
    expect(sentBy(fresh)).toBe(1);
  });

  it("with a key is sent again only when it cannot take effect any more, and then is one living", async () => {
    await using fresh = await startAfresh();
    const key = newKey();
    lose(fresh, { kind: "drop" });
    expect(await createVia(fresh, key)).toMatchObject({ __typename: "LivingOutcomeUnknownError" });
    fresh.putForward(settleMs - 5000);
    expect(await createVia(fresh, key)).toMatchObject({ __typename: "LivingOutcomeUnknownError" });
    expect(sentBy(fresh)).toBe(1);

    fresh.putForward(5000);
    expect(await createVia(fresh, key)).toMatchObject({ livingid: expect.any(String) });
    expect(await createVia(fresh, key)).toMatchObject({ livingid: madeBy(fresh)[0] });
    expect([sentBy(fresh), madeBy(fresh).length]).toEqual([2, 1]);
  });

  it("with a key is finished although nobody asks again", async () => {
    await using fresh = await startAfresh();
    lose(fresh, { kind: "drop" });
    const key = newKey();
    await createVia(fresh, key);

    fresh.putForward(settleMs);
    await until(() => madeBy(fresh).length === 1);
    expect(await createVia(fresh, key)).toMatchObject({ livingid: madeBy(fresh)[0] });
    expect(sentBy(fresh)).toBe(2);
  });

  it("is not sent again as long as the anchor's livings cannot all be looked at", async () => {
    await using fresh = await startAfresh();
    const key = newKey();
    lose(fresh, { kind: "drop", effect: "applied" });
    fresh.simulator.faults.inject({ kind: "errcode", errcode: -1, api: "living/get_living_info", times: 0 });
    expect(await createVia(fresh, key)).toMatchObject({ __typename: "LivingOutcomeUnknownError" });
    fresh.putForward(settleMs);
    expect(await createVia(fresh, key)).toMatchObject({ __typename: "LivingOutcomeUnknownError" });
    expect(sentBy(fresh)).toBe(1);

    fresh.simulator.faults.clear();
    expect(await createVia(fresh, key)).toMatchObject({ livingid: madeBy(fresh)[0] });
    expect(sentBy(fresh)).toBe(1);
  });
});

describe("Creates alike", () => {
  it("under keys of their own are made one after the other, each one living", async () => {
    await using strict = await startGateway({ simulator: { maxConcurrentPerApi: 1, latencyMs: 20 } });
    const answers = await Promise.all(Array.from({ length: 8 }, () => createVia(strict, newKey())));

    expect(answers.map((answer) => (answer as { livingid: string }).livingid).sort()).toEqual(madeBy(strict).sort());
    expect(madeBy(strict)).toHaveLength(8);
  });

  it("keep their livings apart when half of the answers are lost", async () => {
    gateway.simulator.faults.inject({
      kind: "drop",
      effect: "applied",
      probability: 0.5,
      api: "living/create",
      times: 0,
    });
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => create(index % 3 ? newKey() : null)));

    expect(answers.map((answer) => (answer as { livingid: string }).livingid).sort()).toEqual(madeBy(gateway).sort());
    expect(sentBy(gateway)).toBe(12);
  });

  it("are not sent again while the living of one, which was given another's, may still appear", async () => {
    await using fresh = await startAfresh();
    const [one, other] = [newKey(), newKey()];
    lose(fresh, { kind: "drop" });
    expect(await createVia(fresh, one)).toMatchObject({ __typename: "LivingOutcomeUnknownError" });
    fresh.putForward(settleMs - 2000);
    // The first takes effect late, and is found by the second, which takes effect later still.
    fresh.simulator.livings.reserve(app, alike());
    lose(fresh, { kind: "http", status: 502, effect: { lateMs: 1500 } });
    const found = await livingOf(fresh, other);
    fresh.putForward(2000);
    await createVia(fresh, one);
    await until(() => madeBy(fresh).length === 2);

    expect([found, await livingOf(fresh, one)].sort()).toEqual(madeBy(fresh).sort());
    expect(sentBy(fresh)).toBe(2);
  });
});

describeWithRedis("With Redis hanging", () => {
  it("a create under a key is refused before it is sent, and one without a key goes on", async () => {
    await using redis = await TestRedis.start();
    const storeless = await startGateway({ env: { REDIS_URL: redis.url, WECOM_TIMEOUT_MS: "3000" } });
    await createVia(storeless, null);
    storeless.simulator.forgetRequests();
    await redis.pause();

    expect(await createVia(storeless, newKey())).toMatchObject({
      __typename: "LivingUnavailableError",
      retryable: true,
    });
    expect(sentBy(storeless)).toBe(0);
    expect(await createVia(storeless, null)).toMatchObject({ __typename: "CreateLivingSuccess" });
    lose(storeless, { kind: "drop", effect: "applied" });
    // Whether what is found is another create's, nobody can say.
    expect(await createVia(storeless, null, { theme: "another" })).toMatchObject({
      __typename: "LivingOutcomeUnknownError",
    });
    expect(sentBy(storeless)).toBe(2);
    redis.resume();
    await storeless.close();
  }, 60_000);
});

/** Asks until the outcome is known. */
async function livingOf(via: Gateway, key: string): Promise<string> {
  for (;;) {
    const answer = await createVia(via, key);
    if (answer.__typename === "CreateLivingSuccess") return answer.livingid;
  }
}

/** What `minimalInput` comes to at WeCom. */
function alike() {
  return {
    anchorUserid: "zhangsan",
    theme: "theme",
    startSeconds: minimalInput.livingStart as number,
    durationSeconds: 3600,
    type: 0,
    description: "",
    remindSeconds: 0,
    imageMediaids: [],
  };
}
