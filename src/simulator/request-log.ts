import type { FaultKind } from "./faults.js";

/** One request, and its answer. */
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
  /** When it had arrived completely: milliseconds of the simulator's clock. */
  at: number;
  /** When its answer was sent completely or its connection closed, whichever came first; undefined until then. */
  endedAt?: number;
  /** When it was executed or refused; undefined if that has not happened. */
  performedAt?: number;
  /** Undefined while, or if, there is no answer with an errcode. */
  errcode?: number | string;
  /** The fault that was applied. */
  fault?: FaultKind;
}

/** The latest requests, so that memory stays bounded in a long run, and the count of all. */
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
    // Trimmed now and then instead of at every request, because moving a long array takes time.
    if (this.#requests.length >= this.#limit * 2) this.#requests = this.all();
  }

  /** Oldest first. */
  all(): RecordedRequest[] {
    return this.#limit === 0 ? [] : this.#requests.slice(-this.#limit);
  }

  /** The number of requests of each API, including dropped ones. */
  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  clear(): void {
    this.#requests = [];
    this.#counts.clear();
  }
}
