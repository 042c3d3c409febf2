// Forged and mutated callbacks in great number, straight at the receiver. Seeded: a failure can be had again. The long form
// takes some minutes, and holds each to a millisecond of the event loop.
import { describe, expect, it } from "@jest/globals";
import wecom from "@wecom/crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "../../src/observability/logger.js";
import { createMetrics } from "../../src/observability/metrics.js";
import { Secret } from "../../src/observability/secret.js";
import { seededRandom } from "../../src/simulator/index.js";
import { openEmbeddedStore } from "../../src/stores/embedded.js";
import { CallbackReceiver } from "../../src/wecom/callback/receiver.js";
import { isLong, parameter, say } from "./parts/form.js";

const count = parameter("FORGERIES", { short: 5000, long: 100_000 });
const keys = { token: "token", aesKey: "a".repeat(43) };
const otherKeys = { token: "other", aesKey: "b".repeat(43) };
const now = 1_700_000_000;
const random = seededRandom(20_240_501);
const below = (limit: number) => Math.floor(random() * limit);
const pick = <T>(items: readonly T[]): T => items[below(items.length)]!;

interface Callback {
  readonly query: Record<string, string>;
  readonly body: string;
}

function genuine(message: string, { token, aesKey } = keys, receiveid = "wwcorp"): Callback {
  const [timestamp, nonce] = [String(now - 200 + below(400)), String(below(1e9))];
  const encrypt = wecom.encrypt(aesKey, message, receiveid);
  const msg_signature = wecom.getSignature(token, timestamp, nonce, encrypt);
  const body = pick([
    `<xml><ToUserName><![CDATA[${receiveid}]]></ToUserName><Encrypt><![CDATA[${encrypt}]]></Encrypt></xml>`,
    JSON.stringify({ tousername: receiveid, encrypt }),
  ]);
  return { query: { msg_signature, timestamp, nonce }, body };
}

const event = (id: number) =>
  `<xml><ToUserName>wwcorp</ToUserName><CreateTime>${now}</CreateTime><MsgType>event</MsgType>` +
  `<Event>living_status_change</Event><LivingId>l${id}</LivingId><Status>1</Status></xml>`;

/** Changes bytes, cuts, doubles or inserts: never to the same text. */
function mutate(text: string): string {
  const at = below(text.length + 1);
  const inserted = pick(["<", "&", "]]>", "<![CDATA[", "\0", "=", "<!DOCTYPE x>", "\u{1f600}", "+", "%", "0"]);
  const mutated = pick([
    () => text.slice(0, at) + inserted + text.slice(at + below(3)),
    () => text.slice(0, at),
    () => text.slice(at),
    () => text.slice(0, at) + text.slice(at).repeat(1 + below(20)),
    () => text.slice(at) + text.slice(0, at),
    () => pick(["", "{", "<", "null", inserted.repeat(below(5000))]),
  ])();
  return mutated === text ? `${text}${inserted}` : mutated;
}

/** What the mutation of a body leaves intact: then the callback is the genuine one. */
const messageOf = (body: string) => /[A-Za-z0-9+/]{60,}={0,2}/.exec(body)?.[0];

const forge: Record<string, (id: number) => Callback> = {
  "a mutated body": (id) => {
    const { query, body } = genuine(event(id));
    for (;;) {
      const mutated = mutate(body);
      if (messageOf(mutated) !== messageOf(body)) return { query, body: mutated };
    }
  },
  "a mutated query": (id) => {
    const { query, body } = genuine(event(id));
    const name = pick(Object.keys(query));
    return { query: { ...query, [name]: mutate(query[name]!) }, body };
  },
  "a missing parameter": (id) => {
    const { query, body } = genuine(event(id));
    const name = pick(Object.keys(query));
    return { query: Object.fromEntries(Object.entries(query).filter(([key]) => key !== name)), body };
  },
  "another token": (id) => genuine(event(id), { ...keys, token: otherKeys.token }),
  "another key": (id) => genuine(event(id), { ...keys, aesKey: otherKeys.aesKey }),
  "another corp": (id) => genuine(event(id), keys, pick(["wwother", "", "wwcorp\0", "WWCORP", "wwcor"])),
  "another's signature": (id) => ({ query: genuine(event(id)).query, body: genuine(event(id + 1)).body }),
  "noise, well signed": () => {
    const { query } = genuine("");
    const encrypt = Buffer.from(Array.from({ length: 32 * below(4) }, () => below(256))).toString("base64");
    const msg_signature = wecom.getSignature(keys.token, query["timestamp"]!, query["nonce"]!, encrypt);
    return { query: { ...query, msg_signature }, body: JSON.stringify({ encrypt }) };
  },
  "a body that is dear to read": () => {
    const { query } = genuine("");
    const half = 32_768;
    const body = pick([
      `<xml>${" ".repeat(half)}${"<![CDATA[]]>".repeat(half / 12)}</xml>`,
      `<xml><A>${"<![CDATA[ ]]>".repeat(2 * Math.floor(half / 13))}</A></xml>`,
      `<xml>${"<A>1</A>".repeat(half / 4)}</xml>`,
      `<xml><Encrypt>${"&lt;".repeat(half / 2)}</Encrypt></xml>`,
      `<xml><Encrypt>${"A".repeat(2 * half)}</Encrypt></xml>`,
      `{"a":${"[".repeat(2 * half)}`,
    ]).slice(0, 2 * half);
    return { query, body };
  },
  "no message, well signed and encrypted": () => genuine(pick(["", "null", "[]", "<xml>", "success", "<a/>", "{"])),
};

/** Of up to five tries, for the machine has other work as well: what is slow by itself is slow each time. */
function shortestTurn(send: () => Promise<unknown>): number {
  let shortestMs = Infinity;
  for (let attempt = 0; attempt < 5 && shortestMs > 1; attempt += 1) {
    const startedAt = performance.now();
    void send();
    shortestMs = Math.min(shortestMs, performance.now() - startedAt);
  }
  return shortestMs;
}

describe(`${count} forged and mutated callbacks`, () => {
  it("are all refused, none crashes, and the genuine ones among them are all taken", async () => {
    const folder = await mkdtemp(join(tmpdir(), "forgeries-"));
    const store = openEmbeddedStore(folder);
    const handled: string[] = [];
    const receiver = new CallbackReceiver({
      ...{
        token: new Secret(keys.token),
        aesKey: new Secret(keys.aesKey),
        receiver: { kind: "corp", corpid: "wwcorp" },
      },
      ...{ store, metrics: createMetrics(), log: createLogger("silent"), now: () => now * 1000 },
      handle: (handledEvent) => {
        handled.push(handledEvent.kind === "living_status_change" ? handledEvent.livingid : "");
        return Promise.resolve();
      },
    });
    const send = async ({ query, body }: Callback) => (await receiver.receive(new URLSearchParams(query), body)).status;
    const names = Object.keys(forge);
    const genuineIds: string[] = [];
    let longestMs = 0;
    for (let id = 0; id < count; id += 1) {
      const name = names[id % names.length]!;
      const forged = forge[name]!(id);
      const status = await send(forged);
      if (status !== 403 && status !== 400) throw new Error(`${name} got ${status}: ${JSON.stringify(forged)}`);
      if (isLong) {
        const turnMs = shortestTurn(() => send(forged));
        longestMs = Math.max(longestMs, turnMs);
      }
      if (id % 100 === 0) {
        genuineIds.push(`l${id}`);
        expect(await send(genuine(event(id)))).toBe(200);
      }
    }
    expect(handled).toEqual(genuineIds);
    if (isLong) say(`${count} forgeries: the longest turn took ${longestMs.toFixed(2)} ms`);
    expect(longestMs).toBeLessThanOrEqual(1);
    await store.close();
    await rm(folder, { recursive: true });
  }, 900_000);
});
