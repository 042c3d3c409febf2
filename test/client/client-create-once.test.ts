/** `createLivingOnce` of packages/client: when it sends, when it waits, what it keeps. Its clock is a variable. */
import { describe, expect, it } from "@jest/globals";
import {
  createIdempotencyKey,
  createLivingOnce,
  pendingCreates,
  type PendingStorage,
} from "../../packages/client/src/index.js";

const input = { theme: "theme" };
const success = { __typename: "CreateLivingSuccess", livingid: "L1" } as const;
type Step = Readonly<Record<string, unknown>> | Error;

class MemoryStorage implements PendingStorage {
  readonly #items = new Map<string, string>();
  get length() {
    return this.#items.size;
  }
  key = (index: number) => [...this.#items.keys()][index] ?? null;
  getItem = (name: string) => this.#items.get(name) ?? null;
  setItem = (name: string, value: string) => void this.#items.set(name, value);
  removeItem = (name: string) => void this.#items.delete(name);
}

/** A page: its gateway answers these steps in turn, and the last one again; waiting moves the clock. */
function page(steps: readonly Step[], storage = new MemoryStorage()) {
  let time = 0;
  const waits: number[] = [];
  const sent: unknown[] = [];
  const options = {
    storage,
    now: () => time,
    random: () => 1,
    wait: (ms: number) => {
      waits.push(ms);
      time += ms;
      return Promise.resolve();
    },
  };
  const send = (variables: unknown) => {
    const step = steps[Math.min(sent.length, steps.length - 1)]!;
    sent.push(variables);
    return step instanceof Error ? Promise.reject(step) : Promise.resolve(step);
  };
  return {
    ...{ storage, sent, waits, options },
    pending: (user = "") => pendingCreates({ ...options, user }).map(({ key }) => key),
    pass: (ms: number) => void (time += ms),
    create: (more: object = {}, key = "key-1") => createLivingOnce(send, input, key, { ...options, ...more }),
  };
}

const failure = (fields: object) => Object.assign(new Error("refused"), fields);
const networkFailure = new TypeError("Failed to fetch");

describe("createLivingOnce", () => {
  it("sends input and key, and keeps nothing once it knows the outcome", async () => {
    const { create, sent, pending } = page([success]);

    expect(await create()).toEqual(success);
    expect(sent).toEqual([{ input, idempotencyKey: "key-1" }]);
    expect(pending()).toEqual([]);
  });

  it("joins a second click with the first", async () => {
    const { create, sent } = page([success]);

    expect(await Promise.all([create(), create()])).toEqual([success, success]);
    expect(sent).toHaveLength(1);
  });

  it.each<[string, Step, number]>([
    [
      "what is retryable, when the gateway says so",
      { __typename: "LivingRateLimitError", retryable: true, retryAfterSeconds: 60 },
      60_000,
    ],
    ["an unknown outcome", { __typename: "LivingOutcomeUnknownError", retryable: true }, 500],
    ["an unknown outcome, by its name", { __typename: "LivingOutcomeUnknownError" }, 500],
    ["a lost connection", networkFailure, 500],
    ["HTTP 503", failure({ statusCode: 503 }), 500],
    ["HTTP 429", failure({ response: { status: 429 } }), 500],
    ["a time-out", failure({ errors: [{ extensions: { code: "OPERATION_TIMEOUT" } }] }), 500],
    [
      "a retryable error of urql",
      failure({ graphQLErrors: [{ extensions: { code: "X", retryable: true, retryAfterSeconds: 3 } }] }),
      3000,
    ],
  ])("sends again after %s, under the same key", async (_what, step, pause) => {
    const { create, sent, waits } = page([step, success]);

    expect(await create()).toEqual(success);
    expect(sent).toEqual([
      { input, idempotencyKey: "key-1" },
      { input, idempotencyKey: "key-1" },
    ]);
    expect(waits).toEqual([pause]);
  });

  it.each<[string, Step]>([
    ["a refused input", { __typename: "LivingInputError", retryable: false }],
    ["a missing permission", { __typename: "LivingPermissionError", retryable: false }],
    ["an error of Apollo Client", failure({ errors: [{ extensions: { code: "FORBIDDEN" } }] })],
    [
      "an error of graphql-request",
      failure({ response: { status: 200, errors: [{ extensions: { code: "FORBIDDEN" } }] } }),
    ],
    [
      "HTTP 401 with a body",
      failure({ statusCode: 401, bodyText: '{"errors":[{"extensions":{"code":"UNAUTHENTICATED"}}]}' }),
    ],
    ["HTTP 413", failure({ statusCode: 413 })],
  ])("does not send again after %s, and forgets the key", async (_what, step) => {
    const { create, sent, pending } = page([step]);
    const outcome = create();

    if (step instanceof Error) await expect(outcome).rejects.toBe(step);
    else expect(await outcome).toEqual(step);
    expect(sent).toHaveLength(1);
    expect(pending()).toEqual([]);
  });

  it("keeps the key when it was sent and the next request is refused at the door", async () => {
    const { create, pending } = page([
      networkFailure,
      failure({ errors: [{ extensions: { code: "UNAUTHENTICATED" } }] }),
    ]);

    await expect(create()).rejects.toThrow("refused");
    expect(pending()).toEqual(["key-1"]);
  });

  it("ends with the last answer when patience ends, and keeps the key", async () => {
    const unknown = { __typename: "LivingOutcomeUnknownError", retryable: true };
    const { create, waits, pending } = page([unknown]);

    expect(await create()).toEqual(unknown);
    expect(waits.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(120_000);
    expect(waits.slice(0, 6)).toEqual([500, 1000, 2000, 4000, 8000, 10_000]);
    expect(pending()).toEqual(["key-1"]);
  });

  it("ends with the last failure when patience ends", async () => {
    await expect(page([networkFailure]).create({ patienceMs: 1000 })).rejects.toBe(networkFailure);
  });

  it("stops when it is aborted, and keeps the key", async () => {
    const stop = new AbortController();
    const { create, pending } = page([networkFailure]);
    const wait = () => {
      stop.abort();
      return new Promise<void>(() => undefined);
    };

    await expect(create({ signal: stop.signal, wait })).rejects.toThrow(/abort/);
    expect(pending()).toEqual(["key-1"]);
  });
});

describe("pendingCreates", () => {
  it("gives a page that was reloaded what it has to send again", async () => {
    const closed = page([networkFailure]);
    await closed.create({ patienceMs: 0 }).catch(() => undefined);
    const { storage, pending, create } = page([success], closed.storage);

    expect(pendingCreates({ storage, now: () => 1 })).toEqual([{ key: "key-1", input, since: 0 }]);
    await create();
    expect(pending()).toEqual([]);
  });

  it("gives nobody another user's, who would create it a second time", async () => {
    const { create, pending } = page([networkFailure]);
    await create({ patienceMs: 0, user: "zhangsan" }).catch(() => undefined);

    expect([pending("lisi"), pending("zhangsan")]).toEqual([[], ["key-1"]]);
  });

  it("forgets what is older than the gateway's 24 hours", async () => {
    const { create, pending, pass, storage } = page([networkFailure]);
    await create({ patienceMs: 0 }).catch(() => undefined);
    pass(24 * 3600 * 1000);

    expect(pending()).toEqual([]);
    expect(storage.length).toBe(0);
  });

  it("leaves alone what others keep in the page's storage", () => {
    const { storage, pending } = page([success]);
    storage.setItem("theirs", "{}");

    expect(pending()).toEqual([]);
    expect(storage.getItem("theirs")).toBe("{}");
  });

  it("works where a page may keep nothing", async () => {
    const full = Object.assign(new MemoryStorage(), {
      setItem: () => {
        throw new Error("QuotaExceededError");
      },
    });
    expect(await page([networkFailure, success], full).create()).toEqual(success);
  });
});

describe("createIdempotencyKey", () => {
  it("makes another key each time, of a form that the gateway takes", () => {
    const keys = new Set(Array.from({ length: 100 }, createIdempotencyKey));
    expect(keys.size).toBe(100);
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
  });
});
