import type { FaultKind } from "./faults.js";

/** One request as it came in, and what it got. */
export interface RecordedRequest {
  method: string;
  /** "/cgi-bin/living/create", without the query. */
  path: string;
  /** "living/create". */
  api: string;
  query: Readonly<Record<string, string>>;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** "" for an upload. */
  rawBody: string;
  bodyBytes: number;
  /** Undefined when it is no JSON. */
  body: unknown;
  /** When it had come in whole: milliseconds of the simulator's clock. */
  at: number;
  /** When its answer was out whole or its connection gone, whichever came first; undefined until then. */
  endedAt?: number;
  /** When it was carried out or refused; undefined when that never happened, or has not yet. */
  performedAt?: number;
  /** Undefined as long as, or when, there was no answer with an errcode. */
  errcode?: number | string;
  /** The fault that it ran into. */
  fault?: FaultKind;
}

/** The latest requests, so that a long run does not grow memory without limit, and the count of all. */
export class RequestLog {
  readonly #limit: number;
  readonly #counts = new Map<string, number>();
  #requests: RecordedRequest[] = [];

  constructor(limit: number | false) {
    this.#limit = limit === false ? 0 : limit;
  }

  add(request: RecordedRequest): void {
    this.#counts.set(request.api, (this.#counts.get(request.api) ?? 0) + 1);
    if (this.#limit === 0) return;
    this.#requests.push(request);
    // Cut off now and then rather than at every request: moving a long array is not free.
    if (this.#requests.length >= this.#limit * 2) this.#requests = this.all();
  }

  /** Oldest first. */
  all(): RecordedRequest[] {
    return this.#limit === 0 ? [] : this.#requests.slice(-this.#limit);
  }

  /** How many requests there were of each API, forgotten ones included. */
  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  clear(): void {
    this.#requests = [];
    this.#counts.clear();
  }
}
