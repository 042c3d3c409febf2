// Runs a plan: replicas with the real code of creates on a simulated clock, store and WeCom, and clients that ask them.
import type { Logger } from "../../src/observability/logger.js";
import { Secret } from "../../src/observability/secret.js";
import type { CallOptions, Endpoint } from "../../src/wecom/call.js";
import type { Answer } from "../../src/wecom/answer.js";
import type { Payload } from "../../src/wecom/call.js";
import { WecomClient } from "../../src/wecom/client.js";
import { CreateOnce } from "../../src/wecom/create-once/create-once.js";
import { digestOf } from "../../src/wecom/create-once/journal.js";
import { Deadline } from "../../src/wecom/deadline.js";
import * as errors from "../../src/wecom/errors.js";
import { LivingDataSource } from "../../src/wecom/living.datasource.js";
import type { CreateLivingRequest } from "../../src/wecom/living.wire.js";
import {
  type Ask,
  calmFromMs,
  faultsUntilMs,
  type Happening,
  keyLifetimeMs,
  type Plan,
  settleMs,
  startsAtMs,
  timeoutMs,
} from "./plan.js";
import { SimulatedStore } from "./simulated-store.js";
import { SimulatedWecom } from "./simulated-wecom.js";
import { type Process, Process as SimulatedProcess, randomFrom, World } from "./world.js";

export type Told =
  | { readonly is: "made"; readonly livingid: string }
  | { readonly is: "refused"; readonly errcode: number }
  | { readonly is: "open" | "given-up" | "unavailable" | "reused" | "not-found-out" | "disconnected" }
  | { readonly is: "bug"; readonly error: unknown };

export interface Answered {
  readonly ask: Ask;
  /** Of its living: of all asks with one key the same. */
  readonly tag: number;
  readonly process: Process | undefined;
  readonly askedAtMs: number;
  toldAtMs: number;
  told: Told | undefined;
  /** Whether the store said so then. */
  isWritten: boolean;
}

export interface History {
  readonly plan: Plan;
  readonly asks: readonly Answered[];
  readonly wecom: SimulatedWecom;
  readonly store: SimulatedStore;
  readonly counts: Readonly<Record<string, number>>;
  readonly endedAtMs: number;
  /** Keys that nobody asks for any more, and that have not ended. */
  readonly openAtEnd: readonly number[];
}

/** After the faults each key is asked for every second, until this time: by then it must have ended. */
export const endsByMs = startsAtMs + faultsUntilMs + keyLifetimeMs + 30_000;
const firstUnkeyedTag = 1000;
const untold = { toldAtMs: Infinity, told: undefined, isWritten: false };

const silent = new Proxy({}, { get: () => () => undefined }) as Logger;
const metricsOfCalls = { observeCall: () => undefined, countRetry: () => undefined };
const limiter = { acquire: () => Promise.resolve({ startedAt: 0 }), release: () => undefined };
const retries = { countCall: () => undefined, mayRepeat: () => Promise.resolve(false) };
const token = new Secret("token");

/** Runs step by step, so that many can be run in turns: each step is to be a macrotask of its own. */
export class HistoryRun {
  readonly #world = new World();
  readonly #random: () => number;
  readonly #store: SimulatedStore;
  readonly #wecom: SimulatedWecom;
  readonly #replicas: { process: Process; creates: CreateOnce; isListening: boolean }[] = [];
  readonly #asks: Answered[] = [];
  readonly #counts: Record<string, number> = {};
  #processes = 0;
  #unkeyed = 0;
  #open = 0;
  #isOver = false;

  constructor(private readonly plan: Plan) {
    this.#random = randomFrom(plan.seed ^ 0x5bd1e995);
    this.#store = new SimulatedStore(this.#world, this.#random);
    this.#wecom = new SimulatedWecom(this.#world, this.#random, {
      settleMs,
      spelling: plan.spelling,
    });
    this.#wecom.fates = [...plan.fates];
    for (let index = 0; index < plan.replicas; index += 1) this.#start(index);
    // The first have started before anybody asks.
    for (const ask of plan.asks) this.#world.after(startsAtMs + ask.atMs, undefined, () => this.#ask(ask));
    for (const happening of plan.happenings) {
      if (happening.kind === "store-rolled-back") {
        this.#world.after(startsAtMs + happening.toMs, undefined, () => {
          this.#store.takeSnapshot();
        });
      }
      this.#world.after(startsAtMs + happening.atMs, undefined, () => {
        this.#happen(happening);
      });
    }
    this.#world.after(calmFromMs, undefined, () => {
      this.#calmDown();
    });
  }

  /** For running code that does not take its clock from the options. */
  get world(): World {
    return this.#world;
  }

  /** @returns whether there is more to come */
  step(): boolean {
    return !this.#isOver && this.#world.nowMs < endsByMs && this.#world.step();
  }

  /** What the store has of a key. */
  recordOf(key: number | undefined): { readonly state: string } | undefined {
    const text = this.#store.peek(`create:${digestOf(["app", "corp", undefined, `key ${key}`])}`);
    return text === undefined ? undefined : (JSON.parse(text) as { state: string });
  }

  get history(): History {
    const openAtEnd = this.plan.abandoned.filter((key) =>
      ["sent", "unknown"].includes(this.recordOf(key)?.state ?? ""),
    );
    return {
      openAtEnd,
      ...{ plan: this.plan, asks: this.#asks, wecom: this.#wecom, store: this.#store, counts: this.#counts },
      endedAtMs: this.#world.nowMs,
    };
  }

  #start(index: number): void {
    const process = new SimulatedProcess(
      `replica-${index}.${(this.#processes += 1)}`,
      this.#world,
      Math.floor(this.#random() * 1e9),
    );
    /** Of the creates that are under way, by tag. */
    const deadlines = new Map<number, Deadline>();
    const client = new WecomClient({
      baseUrl: new URL("http://wecom"),
      dispatcher: this.#wecom.connect(process, (tag) => deadlines.get(tag)!.remainingMs),
      silentAfterMs: timeoutMs,
      ...({ limiter, retries, metrics: metricsOfCalls } as never as { limiter: never; retries: never; metrics: never }),
    });
    const calls = {
      call: async <T>(
        endpoint: Endpoint,
        payload: Payload,
        _: unknown,
        call: CallOptions,
        read: (answer: Answer) => T,
      ) => {
        const { remind_time: tag } = (payload.body ?? {}) as Partial<CreateLivingRequest>;
        if (tag !== undefined) deadlines.set(tag, call.deadline);
        const exchange = () => client.exchange(endpoint, payload, token, call, read);
        return await exchange().catch((error: unknown) => {
          if (!(error instanceof errors.WecomApiError) || !error.entry?.refusesToken) throw error;
          return exchange();
        });
      },
    };
    const { replicas } = this.plan;
    const creates = new CreateOnce({
      livings: new LivingDataSource(calls as unknown as WecomClient, {} as never),
      store: this.#store.connect(process),
      metrics: { countCreate: (outcome) => (this.#counts[outcome] = (this.#counts[outcome] ?? 0) + 1) },
      log: silent,
      clock: process.clock,
      random: this.#random,
      ...{ settleMs, timeoutMs, keyLifetimeMs, isShared: replicas > 1, app: "app" },
    });
    const replica = { process, creates, isListening: false };
    this.#replicas[index] = replica;
    this.#world.after(0, process, () => {
      // What cannot be started is started again, as an orchestrator does.
      creates.start().then(
        () => (replica.isListening = true),
        () => {
          process.kill();
          this.#world.after(200, undefined, () => {
            if (this.#replicas[index] === replica) this.#start(index);
          });
        },
      );
    });
  }

  #ask(ask: Ask): Answered {
    const { process, creates, isListening } = this.#replicas[ask.replica % this.#replicas.length]!;
    const tag = ask.key ?? firstUnkeyedTag + (this.#unkeyed += 1);
    const answered: Answered = { ask, tag, process, askedAtMs: this.#world.nowMs, ...untold };
    this.#asks.push(answered);
    const tell = (told: Told): void => {
      if (answered.told) return;
      answered.told = told;
      answered.toldAtMs = this.#world.nowMs;
      answered.isWritten = this.recordOf(ask.key)?.state === "done";
    };
    const hearOfDeath = (): void => {
      tell({ is: "disconnected" });
    };
    if (process.state === "dead" || !isListening) {
      hearOfDeath();
      return answered;
    }
    process.onDeath.add(hearOfDeath);
    this.#world.after(0, process, () => {
      const deadline = new Deadline(timeoutMs, process.clock);
      const key =
        ask.key === undefined ? undefined : { key: `key ${ask.key}`, caller: undefined, input: { theme: ask.theme } };
      void creates
        .create(requestOf(ask, tag), key, { corp: "corp", deadline, log: silent })
        .then(
          ({ livingid }): Told => ({ is: "made", livingid }),
          (error: unknown) => toldOf(error),
        )
        .then((told) => {
          // What a dead process would have said, nobody hears.
          if (process.state !== "dead") tell(told);
          process.onDeath.delete(hearOfDeath);
          deadline.close();
        });
    });
    return answered;
  }

  #happen(happening: Happening): void {
    const nowMs = this.#world.nowMs;
    const replica = "replica" in happening ? happening.replica % this.#replicas.length : 0;
    const { process } = this.#replicas[replica]!;
    switch (happening.kind) {
      case "kill":
        process.kill();
        break;
      case "restart":
        if (process.state === "dead") this.#start(replica);
        break;
      case "stop":
        process.stop();
        this.#world.after(happening.forMs, undefined, () => {
          process.continue();
        });
        break;
      case "store-away":
        this.#store.awayUntilMs = nowMs + happening.forMs;
        this.#store.isRefusing = happening.isRefusing;
        break;
      case "store-slow":
        this.#store.slowUntilMs = nowMs + happening.forMs;
        break;
      case "reads-fail":
        this.#wecom.readsFailUntilMs = nowMs + happening.forMs;
        break;
      case "store-emptied":
        this.#store.empty();
        break;
      case "store-rolled-back":
        this.#store.rollBack();
        break;
      case "store-clock-back":
        this.#store.clockErrorMs -= happening.byMs;
        break;
      case "anchor-deleted":
        this.#wecom.isAnchorDeleted = true;
        break;
      case "user-books-alike":
        this.#wecom.book(requestOf({ atMs: 0, key: undefined, replica: 0 }, -1), undefined);
        break;
      case "user-cancels":
      case "user-modifies": {
        const living = this.#wecom.livings.at(-1);
        if (!living) break;
        if (happening.kind === "user-cancels") living.status = 4;
        else living.theme = "modified";
      }
    }
  }

  /** All run, and whoever wants a living asks until the outcome is known. */
  #calmDown(): void {
    for (const [index, { process }] of this.#replicas.entries()) {
      process.continue();
      if (process.state === "dead") this.#start(index);
    }
    const keys = new Map(this.plan.asks.filter(({ key }) => key !== undefined).map((ask) => [ask.key!, ask]));
    // The first input that was asked with a key is its own.
    for (const ask of this.plan.asks.toSorted((one, other) => other.atMs - one.atMs)) {
      if (ask.key !== undefined) keys.set(ask.key, ask);
    }
    for (const key of this.plan.abandoned) keys.delete(key);
    this.#open = keys.size;
    if (this.plan.abandoned.length > 0) this.#watchAbandoned();
    else if (this.#open === 0) this.#world.after(settleMs * 3, undefined, () => (this.#isOver = true));
    for (const ask of keys.values()) {
      let asked = 0;
      const again = (): void => {
        asked += 1;
        const answered = this.#ask({ ...ask, atMs: this.#world.nowMs, replica: ask.replica + asked });
        const look = (): void => {
          if (!answered.told) this.#world.after(20, undefined, look);
          else if (["made", "refused", "given-up", "reused", "bug"].includes(answered.told.is)) {
            this.#closeOne();
          } else this.#world.after(500, undefined, again);
        };
        look();
      };
      this.#world.after(0, undefined, again);
    }
  }

  /** The reconciler has to finish them. */
  #watchAbandoned(): void {
    this.#open += 1;
    const untilMs = this.#world.nowMs + 1.5 * keyLifetimeMs;
    const look = (): void => {
      if (this.#world.nowMs > untilMs || this.#openAtEnd().length === 0) this.#closeOne();
      else this.#world.after(500, undefined, look);
    };
    // What a replica that stood still had been asked is written down by then.
    this.#world.after(2 * timeoutMs, undefined, look);
  }

  #openAtEnd(): number[] {
    return this.plan.abandoned.filter((key) => ["sent", "unknown"].includes(this.recordOf(key)?.state ?? ""));
  }

  #closeOne(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#world.after(300, undefined, () => (this.#isOver = true));
  }
}

function requestOf({ theme = "theme", anchor = "ZhangSan" }: Ask, tag: number): CreateLivingRequest {
  // WeCom is told the tag in a field that no look compares.
  return { anchor_userid: anchor, theme, living_start: 4_000_000_000, living_duration: 3600, remind_time: tag };
}

function toldOf(error: unknown): Told {
  if (error instanceof errors.WecomKeyReusedError) return { is: "reused" };
  if (error instanceof errors.WecomUnsettledError) return { is: "open" };
  if (error instanceof errors.WecomGivenUpError) return { is: "given-up" };
  if (!(error instanceof errors.WecomError)) return { is: "bug", error };
  if (error.mayHaveTakenEffect) return { is: "not-found-out" };
  if (error instanceof errors.WecomApiError && error.errcode === 60011) return { is: "refused", errcode: 60011 };
  return { is: "unavailable" };
}
