/**
 * Shared subscriptions: all subscribers with the same document, variables and permissions share one stream. Each of its
 * events is executed and serialised once, in a new context, so that nothing is as old as the subscription.
 *
 * Whether a result depends on the individual caller is detected, not declared: the execution's caller is a proxy that
 * notes reads of anything personal, such as the userid. After the first such read, the stream executes once per caller.
 *
 * docs/architecture.md draws the states of a stream. Over 300 lines because a stream moves through all of them here.
 */
import { createHash, randomUUID } from "node:crypto";
import { setImmediate as nextTick } from "node:timers/promises";
import { type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from "graphql";
import { type Logger, RequestLogger } from "../../observability/logger.js";
import type { StreamMetrics } from "../../observability/metrics.js";
import type { Caller } from "../auth/caller.js";
import type { ContextSource, CreateContext, OperationContext } from "../graphql/context.js";
import type { Executor } from "../graphql/execution.js";
import type { PreparedOperation } from "../graphql/prepare.js";

/** The result of one execution, serialised once per transport. */
export class SharedResult {
  #eventStreamBytes: Buffer | undefined;
  readonly json: string;

  constructor(result: FormattedExecutionResult) {
    this.json = JSON.stringify(result);
  }

  /** As an event of `text/event-stream`. */
  get eventStreamBytes(): Buffer {
    return (this.#eventStreamBytes ??= Buffer.from(`event: next\ndata: ${this.json}\n\n`));
  }
}

export interface StreamSubscriber {
  readonly caller: Caller;
  next(result: SharedResult): void;
  /** The last call. Without errors, the stream completed. */
  end(errors: readonly GraphQLFormattedError[]): void;
}

export interface SharedStreamsOptions {
  readonly executor: Executor;
  readonly createContext: CreateContext;
  readonly log: Logger;
  readonly metrics: StreamMetrics;
  readonly now: () => number;
}

export type Joined =
  | { readonly kind: "joined"; readonly leave: () => void }
  | { readonly kind: "refused"; errors: readonly GraphQLFormattedError[] };

/** Concurrent executions per stream; their results are sent in the order of the events. */
const maxExecutions = 10;
/** Events per stream that wait for earlier executions, which wait for WeCom. */
const maxBacklog = 10_000;
/** How many subscribers are sent an event before other work runs. */
const sliceSize = 500;
/** How many callers of a stream are tried to find one whose quota allows another call. */
const maxPayers = 20;

export class SharedStreams {
  readonly #streams = new Map<string, SharedStream>();

  constructor(private readonly options: SharedStreamsOptions) {}

  /** The number of subscribers. */
  get size(): number {
    let size = 0;
    for (const stream of this.#streams.values()) size += stream.size;
    return size;
  }

  /** Resolves when the subscriber will get all events from now on. */
  async join(operation: PreparedOperation, subscriber: StreamSubscriber): Promise<Joined> {
    const key = keyOf(operation, subscriber.caller);
    let stream = this.#streams.get(key);
    if (!stream) {
      const forget = (): void => {
        if (this.#streams.get(key) === stream) this.#streams.delete(key);
      };
      stream = new SharedStream(operation, this.options, forget);
      this.#streams.set(key, stream);
    }
    return await stream.join(subscriber);
  }
}

/** The caller's fields that decide what it may see. Reads of the others are noted: see `watched`. */
const sharedFacts: ReadonlySet<string | symbol> = new Set(["corp", "scopes", "expiresAtMs"] satisfies (keyof Caller)[]);

function keyOf(operation: PreparedOperation, { corp, scopes }: Caller): string {
  const parts = [operation.identity, corp ?? null, [...scopes].sort()];
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64");
}

interface WatchedCaller {
  readonly caller: Caller;
  /** Whether a field was read that differs between callers with the same permissions. */
  isPersonal: boolean;
}

function watched(caller: Caller): WatchedCaller {
  const watch: WatchedCaller = {
    isPersonal: false,
    caller: new Proxy(caller, {
      get: (target, name) => {
        if (!sharedFacts.has(name)) watch.isPersonal = true;
        return Reflect.get(target, name) as unknown;
      },
      ownKeys: (target) => {
        watch.isPersonal = true;
        return Reflect.ownKeys(target);
      },
    }),
  };
  return watch;
}

/** The fields that differ between callers with the same permissions. */
function personOf(caller: Caller): string {
  return JSON.stringify(Object.entries(caller).filter(([name]) => !sharedFacts.has(name)));
}

interface Event {
  readonly value: unknown;
  /** The number of the newest subscriber at the time of the event. */
  readonly newest: number;
}

/** The result for a subscriber; undefined: it gets none. */
type ResultFor = (subscriber: StreamSubscriber) => SharedResult | undefined;

class SharedStream {
  /** With their sequence numbers. */
  readonly #subscribers = new Map<StreamSubscriber, number>();
  #rotation = this.#subscribers.keys();
  #newest = 0;
  #joining = 0;
  #opening: Promise<readonly GraphQLFormattedError[]> | undefined;
  #events: AsyncIterator<unknown> | undefined;
  /** Undefined while the stream is open. */
  #ended: readonly GraphQLFormattedError[] | undefined;
  #isPersonal = false;
  readonly #executing = new Set<OperationContext>();
  #permits = maxExecutions;
  readonly #waitForPermit: (() => void)[] = [];
  #unsent = 0;
  /** Resolves when every event so far has been sent. */
  #sent: Promise<void> = Promise.resolve();

  constructor(
    private readonly operation: PreparedOperation,
    private readonly options: SharedStreamsOptions,
    private readonly forget: () => void,
  ) {}

  get size(): number {
    return this.#subscribers.size;
  }

  async join(subscriber: StreamSubscriber): Promise<Joined> {
    this.#joining += 1;
    try {
      const errors = await (this.#opening ??= this.#open(subscriber.caller));
      if (errors.length > 0) return { kind: "refused", errors };
    } finally {
      this.#joining -= 1;
    }
    if (this.#ended) return { kind: "refused", errors: this.#ended };
    this.#subscribers.set(subscriber, (this.#newest += 1));
    return {
      kind: "joined",
      leave: () => {
        if (this.#subscribers.delete(subscriber)) this.options.metrics.countEnded("left", 1);
        if (this.#subscribers.size === 0 && this.#joining === 0) this.#close();
      },
    };
  }

  /** @returns why it cannot be opened, which is the same for all callers with these permissions */
  async #open(caller: Caller): Promise<readonly GraphQLFormattedError[]> {
    const watch = watched(caller);
    const source = this.#source();
    const context = this.options.createContext(source, watch.caller, [caller.identity]);
    try {
      const events = await this.options.executor.subscribe(this.operation, context, source);
      // Only permissions may decide who gets events, because all callers with the same ones share the stream.
      if (watch.isPersonal) throw new Error("whether a subscription is allowed must not depend on who its caller is");
      if (Symbol.asyncIterator in events) {
        void this.#listen((this.#events = events[Symbol.asyncIterator]()));
        return [];
      }
      this.forget();
      return events.result.errors ?? [];
    } catch (error) {
      this.forget();
      throw error;
    } finally {
      context.deadline.close();
    }
  }

  /** Without headers, because an idempotency key or a timeout of one subscriber must not apply to the others. */
  #source(): ContextSource {
    const requestId = randomUUID();
    return { requestId, log: new RequestLogger(this.options.log, requestId), request: { headers: {} } };
  }

  async #listen(events: AsyncIterator<unknown>): Promise<void> {
    try {
      for (let event = await events.next(); !event.done; event = await events.next()) {
        if (this.#unsent >= maxBacklog) {
          this.options.metrics.countDropped("backlog", this.#subscribers.size);
          throw tooManyWait;
        }
        this.#take({ value: event.value, newest: this.#newest });
      }
      this.#end([]);
    } catch (error) {
      void events.return?.();
      this.#end(this.options.executor.format([toGraphqlError(error)], this.#source()));
    }
  }

  #take(event: Event): void {
    this.#unsent += 1;
    const results = this.#execute(event);
    this.#sent = this.#sent.then(async () => {
      await this.#send(event, await results);
      this.#unsent -= 1;
    });
  }

  /** Never rejects. */
  async #execute({ value, newest }: Event): Promise<ResultFor> {
    if (this.#permits > 0) this.#permits -= 1;
    else await new Promise<void>((resolve) => this.#waitForPermit.push(resolve));
    try {
      if (this.#subscribers.size === 0) return () => undefined;
      if (!this.#isPersonal) {
        const { result, isPersonal } = await this.#executeFor(this.#next().caller, value, this.#payers());
        if (!isPersonal) return () => result;
        this.#isPersonal = true;
      }
      const callers = new Map<string, Caller>();
      for (const [{ caller }, since] of this.#subscribers) {
        if (since > newest) break;
        callers.set(personOf(caller), caller);
      }
      const results = new Map<string, SharedResult>();
      const execute = async ([person, caller]: [string, Caller]): Promise<void> => {
        const { result } = await this.#executeFor(caller, value, [caller.identity]);
        results.set(person, result);
      };
      await Promise.all([...callers].map(execute));
      return ({ caller }) => results.get(personOf(caller));
    } finally {
      const next = this.#waitForPermit.shift();
      if (next) next();
      else this.#permits += 1;
    }
  }

  async #executeFor(
    caller: Caller,
    rootValue: unknown,
    payers: Iterable<string | undefined>,
  ): Promise<{ result: SharedResult; isPersonal: boolean }> {
    const watch = watched(caller);
    const source = this.#source();
    const context = this.options.createContext(source, watch.caller, payers);
    this.#executing.add(context);
    try {
      const { result } = await this.options.executor.execute(this.operation, context, source, rootValue);
      return { result: new SharedResult(result), isPersonal: watch.isPersonal };
    } catch (error) {
      context.deadline.close();
      const errors = this.options.executor.format([toGraphqlError(error)], source);
      return { result: new SharedResult({ errors, data: null }), isPersonal: watch.isPersonal };
    } finally {
      this.#executing.delete(context);
    }
  }

  async #send({ newest }: Event, resultFor: ResultFor): Promise<void> {
    const { metrics } = this.options;
    const now = this.options.now();
    let sentTo = 0;
    let expired = 0;
    for (const [subscriber, since] of this.#subscribers) {
      if (since > newest) break;
      const result = subscriber.caller.expiresAtMs > now ? resultFor(subscriber) : undefined;
      if (!result) {
        if (subscriber.caller.expiresAtMs <= now) expired += 1;
        continue;
      }
      subscriber.next(result);
      if ((sentTo += 1) % sliceSize === 0) await nextTick();
    }
    metrics.countDelivered(sentTo);
    if (expired > 0) metrics.countDropped("expired", expired);
  }

  /** The next subscriber in rotation. There is at least one. */
  #next(): StreamSubscriber {
    let next = this.#rotation.next();
    if (next.done) next = (this.#rotation = this.#subscribers.keys()).next();
    return next.value as StreamSubscriber;
  }

  /** Identities whose quotas pay for a stream's calls, in rotation, so that each caller pays a share. */
  *#payers(): Generator<string | undefined> {
    const count = Math.min(this.#subscribers.size, maxPayers);
    for (let tried = 0; tried < count && this.#subscribers.size > 0; tried += 1) yield this.#next().caller.identity;
  }

  #end(errors: readonly GraphQLFormattedError[]): void {
    if (this.#ended) return;
    this.#ended = errors;
    this.forget();
    void this.#sent.then(() => {
      const subscribers = [...this.#subscribers.keys()];
      this.#subscribers.clear();
      this.options.metrics.countEnded(endingBy(errors), subscribers.length);
      for (const subscriber of subscribers) subscriber.end(errors);
    });
  }

  /** The last subscriber has left. */
  #close(): void {
    this.#ended ??= [];
    this.forget();
    for (const context of this.#executing) context.abandon();
    void this.#events?.return?.();
  }
}

const tooManyWait = new GraphQLError(
  "The subscription was ended: WeCom answers too slowly for its events. Read the livings, and subscribe again",
  { extensions: { code: "EVENTS_MISSED", retryable: true } },
);

function endingBy([error]: readonly GraphQLFormattedError[]): "completed" | "missed" | "failed" {
  if (!error) return "completed";
  return error.extensions?.["code"] === "EVENTS_MISSED" ? "missed" : "failed";
}

function toGraphqlError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  return new GraphQLError(String(error), { originalError: error as Error });
}
