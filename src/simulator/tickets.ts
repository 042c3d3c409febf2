// JS-SDK tickets: of a corp, and of an app. The same one is returned while it is valid; the number of calls is limited.

import { ApiFailure } from "./api-failure.js";
import type { SimulatorClock } from "./clock.js";
import type { App } from "./directory.js";
import { FrequencyLimit } from "./limits.js";
import { randomToken } from "./random.js";

const HOUR_MS = 3_600_000;
const TTL_SECONDS = 7200;

interface Ticket {
  readonly ticket: string;
  readonly expiresAtMs: number;
}

/** @see https://developer.work.weixin.qq.com/document/path/90506 "一小时内，一个企业最多可获取400次，且单个应用不能超过100次" */
export class Tickets {
  readonly #tickets = new Map<string, Ticket>();
  readonly #perCorp: FrequencyLimit;
  readonly #perApp: FrequencyLimit;

  constructor(
    private readonly clock: SimulatorClock,
    private readonly random: () => number,
  ) {
    this.#perCorp = new FrequencyLimit(clock, 400, HOUR_MS);
    this.#perApp = new FrequencyLimit(clock, 100, HOUR_MS);
  }

  /** @throws {ApiFailure} 45009 beyond the quota of the corp or the app */
  issue(kind: "corp" | "app", { corpid, agentid }: App): { ticket: string; expires_in: number } {
    const isOverQuota = [
      this.#perCorp.count(`${kind} ${corpid}`),
      this.#perApp.count(`${kind} ${corpid} ${agentid}`),
    ].includes(false);
    if (isOverQuota) throw new ApiFailure(45009);
    const owner = kind === "corp" ? corpid : `${corpid} ${agentid}`;
    const nowMs = this.clock.nowMs();
    let issued = this.#tickets.get(`${kind} ${owner}`);
    if (issued === undefined || issued.expiresAtMs <= nowMs) {
      issued = { ticket: randomToken(this.random, 86), expiresAtMs: nowMs + TTL_SECONDS * 1000 };
      this.#tickets.set(`${kind} ${owner}`, issued);
    }
    return { ticket: issued.ticket, expires_in: Math.ceil((issued.expiresAtMs - nowMs) / 1000) };
  }

  clear(): void {
    this.#tickets.clear();
    this.#perCorp.clear();
    this.#perApp.clear();
  }
}
