/**
 * A frontend as the README wants it: one key per click, and the same key again when the answer does not say how it ended.
 * It keeps what it was told, for the comparison with what is there.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Pool } from "undici";
import { percentile } from "./form.js";
import type { Click } from "./clicks.js";

const query = `mutation ($input: LivingInput!, $idempotencyKey: ID) {
  createLiving(input: $input, idempotencyKey: $idempotencyKey) {
    __typename ... on CreateLivingSuccess { livingid } ... on LivingError { message errcode }
  }
}`;

/** What one request came to. `again`: nothing final, so a client asks once more with the same key. */
export type Told =
  | { readonly is: "made"; readonly livingid: string }
  | { readonly is: "refused"; readonly why: string }
  | { readonly is: "again"; readonly why: string };

/** What became of a click in its client's eyes. */
export interface ClickOutcome {
  readonly click: Click;
  /** Of every answer, so that two different ones for one key are seen. */
  readonly livingids: readonly string[];
  readonly end: "made" | "refused" | "gave-up" | "unresolved";
  /** Milliseconds since 1970. */
  readonly endedAt: number;
}

const undecided: ReadonlySet<string> = new Set([
  "LivingOutcomeUnknownError",
  "LivingUnavailableError",
  "LivingRateLimitError",
  // The token was refused twice in a row: that is not the request's fault, and its key is free again.
  "LivingConfigurationError",
]);

export class Clients {
  /** What was told, and how often. */
  readonly tally: Record<string, number> = {};
  readonly answerMs: number[] = [];
  readonly #pools = new Map<string, Pool>();

  /**
   * @param urls of the gateways as they are now; a dead one still has its last
   * @param patienceMs how long a client asks again before its click counts as unresolved
   */
  constructor(
    private readonly urls: () => readonly string[],
    private readonly random: () => number,
    private readonly patienceMs: number,
  ) {}

  /** Clicks, `atOnce` at a time. */
  async run(clicks: readonly Click[], atOnce: number, onOutcome: (outcome: ClickOutcome) => void): Promise<void> {
    const waiting = clicks.values();
    const work = async (): Promise<void> => {
      for (const click of waiting) onOutcome(await this.#see(click));
    };
    await Promise.all(Array.from({ length: atOnce }, work));
  }

  /** One request. */
  async ask({ key, input }: Click): Promise<Told> {
    const urls = this.urls();
    const url = urls[Math.floor(this.random() * urls.length)] ?? "";
    const isHeader = this.random() < 0.3;
    const startedAt = performance.now();
    const told = await this.#post(
      url,
      JSON.stringify({ query, variables: isHeader ? { input } : { input, idempotencyKey: key } }),
      isHeader ? { "idempotency-key": key } : {},
    );
    this.answerMs.push(performance.now() - startedAt);
    const what = told.is === "made" ? "made" : told.why;
    this.tally[what] = (this.tally[what] ?? 0) + 1;
    return told;
  }

  get slowestAnswerMs(): number {
    return percentile(this.answerMs, 1);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  async #see(click: Click): Promise<ClickOutcome> {
    const outcomes = await Promise.all(
      click.habit === "double-clicks" ? [this.#insist(click), this.#insist(click)] : [this.#insist(click)],
    );
    // Two that asked at once may be told differently where the refusal was for a passing reason: what was made counts.
    const made = outcomes.filter(({ end }) => end === "made");
    const last = (made.length > 0 ? made : outcomes).reduce((one, other) =>
      one.endedAt > other.endedAt ? one : other,
    );
    return { ...last, livingids: outcomes.flatMap(({ livingids }) => livingids) };
  }

  async #insist(click: Click): Promise<ClickOutcome> {
    const giveUpAt = Date.now() + this.patienceMs;
    for (;;) {
      const told = await this.ask(click);
      const end = { click, livingids: [], endedAt: Date.now() };
      if (told.is === "made") return { ...end, end: "made", livingids: [told.livingid] };
      if (told.is === "refused") return { ...end, end: "refused" };
      if (click.habit === "gives-up" && told.why === "LivingOutcomeUnknownError") return { ...end, end: "gave-up" };
      if (Date.now() > giveUpAt) return { ...end, end: "unresolved" };
      await pause(100 + this.random() * 200);
    }
  }

  async #post(url: string, body: string, more: Readonly<Record<string, string>>): Promise<Told> {
    let pool = this.#pools.get(url);
    if (pool === undefined) this.#pools.set(url, (pool = new Pool(url, { connections: 128, headersTimeout: 30_000 })));
    let text: string;
    try {
      const headers = { "content-type": "application/json", ...more };
      const response = await pool.request({ method: "POST", path: "/graphql", headers, body });
      text = await response.body.text();
      if (response.statusCode !== 200) return { is: "again", why: `HTTP ${response.statusCode}` };
    } catch {
      return { is: "again", why: "no answer" };
    }
    const { data, errors } = JSON.parse(text) as {
      data?: { createLiving: { __typename: string; livingid?: string; errcode?: number } | null } | null;
      errors?: unknown;
    };
    const result = data?.createLiving;
    if (!result) return { is: "again", why: `untyped: ${JSON.stringify(errors)}` };
    if (result.livingid !== undefined) return { is: "made", livingid: result.livingid };
    if (undecided.has(result.__typename)) return { is: "again", why: result.__typename };
    return { is: "refused", why: `${result.__typename} ${result.errcode ?? ""}`.trim() };
  }
}
