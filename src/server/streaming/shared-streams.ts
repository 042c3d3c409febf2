/**
 * Subscriptions, shared: all who subscribe with the same document, variables and permissions are one stream. Each of its
 * events is executed once, in a context of its own so that nothing is as old as the subscription, and serialised once.
 *
 * Whose result it is is found out, not listed: the caller that an execution sees notes whether anything was read of it that
 * tells it from others with the same permissions, such as its userid. From then on that stream executes once per caller.
 *
 * docs/architecture.md draws the states of a stream. Over 300 lines because a stream moves through all of them here.
 */
import { createHash, randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type FormattedExecutionResult, GraphQLError, type GraphQLFormattedError } from "graphql";
import { type Logger, RequestLogger } from "../../observability/logger.js";
import type { StreamMetrics } from "../../observability/metrics.js";
import type { Caller } from "../auth/caller.js";
import type { ContextSource, CreateContext, OperationContext } from "../graphql/context.js";
import type { Executor } from "../graphql/execution.js";
import type { PreparedOperation } from "../graphql/prepare.js";

/** One execution's result, as each way of sending it needs it. */
export class SharedResult {
  #eventStreamBytes: Buffer | undefined;
  readonly json: string;

  constructor(result: FormattedExecutionResult) {
    this.json = JSON.stringify(result);
  }

  /** As an event of an event stream. */
  get eventStreamBytes(): Buffer {
    return (this.#eventStreamBytes ??= Buffer.from(`event: next\ndata: ${this.json}\n\n`));
  }
}

export interface StreamSubscriber {
  readonly caller: Caller;
  next(result: SharedResult): void;
  /** Nothing comes after this. Without errors the stream came to its own end. */
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

/** Events of one stream that are executed at once; they are sent in the order in which they came. */
const maxExecutions = 10;
/** Events of one stream that wait for others' executions, which wait for WeCom. */
const maxBacklog = 10_000;
/** Subscribers that are sent an event before others have a turn. */
const sliceSize = 500;
/** Of the callers that share a stream, how many are tried for one who may still cause calls. */
const maxPayers = 20;

export class SharedStreams {
  readonly #streams = new Map<string, SharedStream>();

  constructor(private readonly options: SharedStreamsOptions) {}

  /** How many subscribe. */
  get size(): number {
    let size = 0;
    for (const stream of this.#streams.values()) size += stream.size;
    return size;
  }

  /** Resolves when events that happen from now on are heard. */
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

/** Everything that decides what a caller may see. What is not in here is watched: see `watched`. */
const sharedFacts: ReadonlySet<string | symbol> = new Set(["corp", "scopes", "expiresAt"] satisfies (keyof Caller)[]);

function keyOf(operation: PreparedOperation, { corp, scopes }: Caller): string {
  const parts = [operation.identity, corp ?? null, [...scopes].sort()];
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64");
}

interface WatchedCaller {
  readonly caller: Caller;
  /** Whether something was read that tells it from others with the same permissions. */
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

/** What tells a caller from others with the same permissions. */
function personOf(caller: Caller): string {
  return JSON.stringify(Object.entries(caller).filter(([name]) => !sharedFacts.has(name)));
}

interface Event {
  readonly value: unknown;
  /** The number of the subscriber who came last before it. */
  readonly newest: number;
}

/** The result for a subscriber; undefined: none for this one. */
type ResultFor = (subscriber: StreamSubscriber) => SharedResult | undefined;

class SharedStream {
  /** With the number by which they came. */
  readonly #subscribers = new Map<StreamSubscriber, number>();
  #turn = this.#subscribers.keys();
  #newest = 0;
  #joining = 0;
  #opening: Promise<readonly GraphQLFormattedError[]> | undefined;
  #events: AsyncIterator<unknown> | undefined;
  /** Undefined while it is open. */
  #ended: readonly GraphQLFormattedError[] | undefined;
  #isPersonal = false;
  readonly #executing = new Set<OperationContext>();
  #permits = maxExecutions;
  readonly #waitForPermit: (() => void)[] = [];
  #unsent = 0;
  /** Settled when every event that has come is sent. */
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

  /** @returns why it cannot be opened: with the same permissions, the same for all who want it */
  async #open(caller: Caller): Promise<readonly GraphQLFormattedError[]> {
    const watch = watched(caller);
    const source = this.#source();
    const context = this.options.createContext(source, watch.caller, [caller.identity]);
    try {
      const events = await this.options.executor.subscribe(this.operation, context, source);
      // Who may hear an event is decided by permissions alone, or one stream would not do for all who have them.
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
      context.close();
    }
  }

  /** Nobody's own request: an idempotency key or a time-out there would count for all who share the event. */
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

  /** Does not reject. */
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
      context.close();
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
      const result = subscriber.caller.expiresAt > now ? resultFor(subscriber) : undefined;
      if (!result) {
        if (subscriber.caller.expiresAt <= now) expired += 1;
        continue;
      }
      subscriber.next(result);
      if ((sentTo += 1) % sliceSize === 0) await nextTurn();
    }
    metrics.countDelivered(sentTo);
    if (expired > 0) metrics.countDropped("expired", expired);
  }

  /** Each subscriber in turn. There is one, at least. */
  #next(): StreamSubscriber {
    let next = this.#turn.next();
    if (next.done) next = (this.#turn = this.#subscribers.keys()).next();
    return next.value as StreamSubscriber;
  }

  /** Callers on whose behalf calls are made, another one first each time: so each pays for some of what all are told. */
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

  /** Nobody subscribes any more. */
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
