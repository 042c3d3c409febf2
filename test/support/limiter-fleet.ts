/** Limiters of several replicas in virtual time, and what WeCom gets of the calls that they let through. */
import type { Store } from "../../src/stores/store.js";
import type { TimeLimit } from "../../src/wecom/deadline.js";
import { CallLimiter, type CallEnd } from "../../src/wecom/limits/call-limiter.js";
import type { CallLimits } from "../../src/wecom/limits/call-limits.js";
import { StoreLimitSync } from "../../src/wecom/limits/limit-sync.js";
import { VirtualTime } from "./virtual-time.js";

const start = 1_900_000_000_000;
const nothing = (): void => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing } as never;

/** Of a client that may leave. */
class Client implements TimeLimit {
  constructor(readonly remainingMs: number) {}
  readonly isNearEnd = false;
  readonly #listeners = new Set<(reason: string) => void>();
  onCancel(listener: (reason: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  leave(): void {
    for (const listener of [...this.#listeners]) listener("the client left");
  }
}

export interface Call {
  readonly replica: number;
  readonly corp: number;
  readonly api: string;
  /** How long after it was let through it is sent, and how long after that it ends. */
  readonly sendMs: number;
  readonly answerMs: number;
  readonly end: CallEnd;
  /** 0: never. */
  readonly leavesMs: number;
  readonly caller?: string;
  readonly operation?: object;
}

export const usual: Call = {
  ...{ replica: 0, corp: 0, api: "living/create", sendMs: 0, answerMs: 20, end: "answered", leavesMs: 0 },
};

export interface FleetOptions {
  readonly limits?: CallLimits;
  /** How long a message between replicas takes. */
  readonly messageMs?: () => number;
  readonly maxInFlight?: number;
  /** Default: as many as a gateway has to WeCom. */
  readonly connections?: number;
  /** How long a client waits; does not get less. */
  readonly patienceMs?: number;
  /** Of a call that is sent now. */
  readonly answerMs?: (call: Call) => number;
}

const noLimits = { perCorpAndMinute: 1e9, perCorpAndHour: 1e9, perAddressAndMinute: 1e9, perAddressAndHour: 1e9 };

interface Replica {
  readonly limiter: CallLimiter;
  readonly sync: StoreLimitSync | undefined;
  setBackMs: number;
}

/** What was sent: when, and how many calls at most were let through and not sent yet. */
class Sent {
  readonly times: number[] = [];
  mostHeld = 0;
  #held = 0;

  hold(change: 1 | -1): void {
    this.#held += change;
    this.mostHeld = Math.max(this.mostHeld, this.#held);
  }

  /** The most that any window holds. */
  mostIn(windowMs: number): number {
    let [most, oldest] = [0, 0];
    for (const [index, at] of this.times.entries()) {
      while (this.times[oldest]! <= at - windowMs) oldest += 1;
      most = Math.max(most, index - oldest + 1);
    }
    return most;
  }
}

export class Fleet {
  readonly time = new VirtualTime(start);
  readonly replicas: Replica[] = [];
  /** By corp and API, and by API. */
  readonly sent = new Map<string, Sent>();
  readonly #store;
  readonly #waiting = new Set<Client>();
  readonly #options: Required<FleetOptions>;

  constructor(options: FleetOptions = {}) {
    this.#options = {
      limits: noLimits,
      messageMs: () => 1,
      maxInFlight: 2,
      connections: 4096,
      patienceMs: 8000,
      answerMs: (call) => call.answerMs,
      ...options,
    };
    this.#store = storeWith(this.time, this.#options.messageMs);
  }

  /** Without a store, and so without others. */
  addAlone(): void {
    const replica: Replica = {
      limiter: new CallLimiter({ ...this.#options, now: () => this.time.now - replica.setBackMs }),
      sync: undefined,
      setBackMs: 0,
    };
    this.replicas.push(replica);
  }

  async add(setBackMs = 0): Promise<number> {
    const now = () => this.time.now - replica.setBackMs;
    const sync = new StoreLimitSync({ store: this.#store, log: silent, clock: this.time, now });
    const replica: Replica = { limiter: new CallLimiter({ ...this.#options, now, sync }), sync, setBackMs };
    await sync.connect(replica.limiter);
    return this.replicas.push(replica) - 1;
  }

  /** One call, until it is let through or refused. */
  async call(call: Call): Promise<"sent" | "refused"> {
    const { limiter } = this.replicas[call.replica % this.replicas.length]!;
    const client = new Client(this.#options.patienceMs);
    if (call.leavesMs > 0) this.time.after(call.leavesMs, () => client.leave());
    const { api, caller, operation = client, end } = call;
    const corp = `corp${call.corp}`;
    this.#waiting.add(client);
    const permit = await limiter.acquire({ corp, caller, operation }, api, client).catch(() => undefined);
    this.#waiting.delete(client);
    if (!permit) return "refused";
    const counts = [this.sentOf(api, call.corp), this.sentOf(api)];
    const isSent = end !== "not-sent" && end !== "unreachable";
    const send = () => {
      for (const sent of counts) if (isSent) sent.times.push(this.time.now);
      this.time.after(this.#options.answerMs(call), () => limiter.release(permit, end));
    };
    if (call.sendMs === 0) send();
    else {
      for (const sent of counts) sent.hold(1);
      this.time.after(call.sendMs, () => {
        for (const sent of counts) sent.hold(-1);
        send();
      });
    }
    return "sent";
  }

  /** @param corp undefined: of all */
  sentOf(api: string, corp?: number): Sent {
    const key = corp === undefined ? api : `${corp} ${api}`;
    let sent = this.sent.get(key);
    if (!sent) this.sent.set(key, (sent = new Sent()));
    return sent;
  }

  /** All whose calls are not let through yet. */
  leave(): void {
    for (const client of this.#waiting) client.leave();
  }

  close(): void {
    for (const { sync } of this.replicas) sync?.close();
  }
}

/** A store whose messages take a while. */
function storeWith(time: VirtualTime, delayMs: () => number) {
  const listeners = new Set<(message: string) => void>();
  const records = new Map<string, { value: string | undefined; until: number }>();
  return {
    publish: (_channel: string, message: string) => {
      for (const listener of listeners) time.after(delayMs(), () => listeners.has(listener) && listener(message));
      return Promise.resolve();
    },
    listen: (_channel: string, channel: Parameters<Store["listen"]>[1]) => {
      const listener = (message: string): void => {
        channel.onMessage(message);
      };
      listeners.add(listener);
      channel.onHearing?.();
      return Promise.resolve({ isHearing: true, stop: () => listeners.delete(listener) });
    },
    scan: async function* () {},
    set: () => Promise.resolve(),
    delete: () => Promise.resolve(true),
    compareAndSet: (...[key, expected, value, expiry]: Parameters<Store["compareAndSet"]>) => {
      const record = records.get(key);
      if ((record && record.until > time.now ? record.value : undefined) !== expected) return Promise.resolve(false);
      const ms = expiry && "expiresInMs" in expiry ? expiry.expiresInMs : undefined;
      records.set(key, { value, until: time.now + (ms ?? Infinity) });
      return Promise.resolve(true);
    },
  } as never as ConstructorParameters<typeof StoreLimitSync>[0]["store"];
}
