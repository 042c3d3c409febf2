/**
 * What is known of each create under an idempotency key: new → sent → done, or unknown in between. `sent` is durable before
 * the first byte leaves, so a process that dies leaves a record by which another finishes its work.
 *
 * A record changes hands and state only by comparison with what stood there before: of two that believe it theirs, one
 * finds that it is not.
 */
import { createHash } from "node:crypto";
import type { Store } from "../../stores/store.js";
import type { CreateLivingRequest } from "../living.wire.js";

/** How long a key answers with what became of its create. */
const keptMs = 24 * 3_600_000;
const queue = "creates";

interface Create {
  readonly corp: string;
  readonly request: CreateLivingRequest;
  /** The process that works on it; undefined: whoever comes next may. */
  readonly owner?: string | undefined;
}

/** A create whose outcome is still open. Times in Unix milliseconds. */
export type OpenCreate = Create &
  (
    | { readonly state: "new" }
    /** It may be on its way, or carried out. */
    | { readonly state: "sent" }
    /** Its answer is lost. `lostAt`: from then on nobody waits for one; `looks`: how often it was looked for in vain. */
    | { readonly state: "unknown"; readonly lostAt: number; readonly looks: number }
  );

export type Outcome =
  { readonly livingid: string } | { readonly refusal: { readonly errcode: number; readonly errmsg: string } };

/** Tells the request from another one under the same key. */
interface Digested {
  readonly digest: string;
}

export interface Entry<R extends Digested> {
  readonly id: string;
  readonly record: R;
  /** As it stands in the store, for the comparison. */
  readonly text: string;
}

export type OpenEntry = Entry<OpenCreate & Digested>;
export type DoneEntry = Entry<Digested & { readonly state: "done"; readonly outcome: Outcome }>;

export function isDone(entry: OpenEntry | DoneEntry): entry is DoneEntry {
  return entry.record.state === "done";
}

/** All methods throw `StoreError`s. */
export class Journal {
  constructor(private readonly store: Store) {}

  async read(id: string): Promise<OpenEntry | DoneEntry | undefined> {
    const text = await this.store.get(keyOf(id));
    return text === undefined
      ? undefined
      : ({ id, record: JSON.parse(text) as unknown, text } as OpenEntry | DoneEntry);
  }

  /** @returns undefined when there is a record under this id already */
  async begin(id: string, record: OpenEntry["record"]): Promise<OpenEntry | undefined> {
    const text = JSON.stringify(record);
    const isBegun = await this.store.compareAndSet(keyOf(id), undefined, text, { expiresInMs: keptMs });
    return isBegun ? { id, record, text } : undefined;
  }

  /** @returns undefined, and nothing is changed, when the record is not what it was: somebody else works on it */
  async replace<R extends (OpenEntry | DoneEntry)["record"]>(
    { id, text: before }: OpenEntry,
    record: R,
  ): Promise<Entry<R> | undefined> {
    const text = JSON.stringify(record);
    const isReplaced = await this.store.compareAndSet(keyOf(id), before, text, { expiresInMs: keptMs });
    return isReplaced ? { id, record, text } : undefined;
  }

  /** As if it had never been: certainly nothing was carried out. */
  async forget({ id, text }: OpenEntry): Promise<void> {
    await this.store.compareAndSet(keyOf(id), text, undefined);
    await this.store.dequeue(queue, id);
  }

  /** Lets any replica look at it again at that time, in Unix milliseconds. */
  remindOf(id: string, at: number): Promise<void> {
    return this.store.enqueue(queue, id, at);
  }

  remindOfNoMore(id: string): Promise<void> {
    return this.store.dequeue(queue, id);
  }

  due(now: number): Promise<string[]> {
    return this.store.due(queue, now, 100);
  }
}

/** Of fixed length, and nothing can be read from it. */
export function digestOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("base64url");
}

function keyOf(id: string): string {
  return `create:${id}`;
}
