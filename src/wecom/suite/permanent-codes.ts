/**
 * The permanent codes: WeCom hands out one per corp when the corp authorises the app, and never again. A code is replaced
 * only by that of a later authorisation, and ended only by the corp's own cancellation.
 */
import { Secret } from "../../observability/secret.js";
import type { Authorisation } from "./suite.datasource.js";
import type { SuiteRecords, Versioned } from "./suite-records.js";

interface Code {
  readonly permanentCode: string;
  readonly isCustomised: boolean;
  readonly agentid?: number;
}

type CodeRecord = Versioned & {
  /** Unix seconds: of the event that brought the code, or of the cancellation. */
  readonly at: number;
} & (
    | (Code & {
        readonly isCancelled?: never;
        /** Of an authorisation at about the same time: WeCom may have exchanged that one last, and mean it. */
        readonly other?: Code;
      })
    | { readonly isCancelled: true }
  );

export interface StoredAuthorisation extends Authorisation {
  readonly other: Authorisation | undefined;
}

/** Two exchanges that overlapped lie no further apart: an auth_code is good for ten minutes. */
const overlapMs = 11 * 60_000;
/** For so long a code from before the cancellation, which another replica has in its memory, is not put back. */
const cancellationKeptMs = 30 * 24 * 3_600_000;

export class PermanentCodes {
  readonly #prefix: string;

  constructor(
    private readonly records: SuiteRecords,
    prefix: string,
  ) {
    this.#prefix = `${prefix}corp:`;
  }

  /** @throws {StoreError} when the store does not answer and this process has never seen the code */
  async get(corpid: string): Promise<StoredAuthorisation | undefined> {
    const found = await this.records.get<CodeRecord>(this.#prefix + corpid);
    if (!found || found.isCancelled) return undefined;
    return { ...authorisation(corpid, found), other: found.other && authorisation(corpid, found.other) };
  }

  /**
   * Saves the code that WeCom gave for an auth_code, durably, unless that of a later authorisation is there.
   *
   * @param number of the auth_code: a later one has a greater number
   * @param atSeconds Unix time of the event that brought it
   */
  async save(
    { corpid, permanentCode, isCustomised, agentid }: Authorisation,
    number: number,
    atSeconds: number,
  ): Promise<void> {
    const code = { permanentCode: permanentCode.reveal(), isCustomised, ...(agentid !== undefined && { agentid }) };
    await this.records.update<CodeRecord>(this.#prefix + corpid, (found) => {
      if (!found) return { ...code, number, revision: 0, at: atSeconds };
      const version =
        found.number < number ? { number, revision: 0 } : { number: found.number, revision: found.revision + 1 };
      if (found.isCancelled) return found.number < number ? { ...code, ...version, at: atSeconds } : undefined;
      const isOverlapping = Math.abs(number - numberOf(found)) < overlapMs;
      const isKnown = [found, found.other].some((known) => known?.permanentCode === code.permanentCode);
      // Of two that overlap the one with the greater number may be the older: it could not be stored when it came first.
      const isLater = isOverlapping && atSeconds !== found.at ? atSeconds > found.at : numberOf(found) < number;
      if (isLater) return { ...code, ...version, at: atSeconds, ...(isOverlapping && otherThan(code, found)) };
      return isOverlapping && !isKnown ? { ...found, ...version, other: code } : undefined;
    });
  }

  /** WeCom refuses the code that counted and takes the other: from now on that one counts. @throws {StoreError} */
  async prefer(corpid: string, preferred: Secret): Promise<void> {
    await this.records.update<CodeRecord>(this.#prefix + corpid, (found) => {
      if (!found || found.isCancelled || found.other?.permanentCode !== preferred.reveal()) return undefined;
      return { ...found, ...found.other, revision: found.revision + 1, other: codeOf(found) };
    });
  }

  /**
   * The corp took its authorisation back: a code that is younger is left, for the message came late.
   *
   * @returns whether there was one to take back
   * @throws {StoreError}
   */
  async cancel(corpid: string, atSeconds: number): Promise<boolean> {
    const cancelled = await this.records.update<CodeRecord>(
      this.#prefix + corpid,
      (found) => {
        if (!found || found.isCancelled || found.at >= atSeconds) return undefined;
        return { number: found.number, revision: found.revision + 1, at: atSeconds, isCancelled: true };
      },
      { expiresInMs: cancellationKeptMs },
    );
    return cancelled !== undefined;
  }
}

/** An older version counted by nothing but WeCom's time. */
function numberOf({ number, at }: CodeRecord): number {
  return number || at * 1000;
}

function otherThan(code: Code, found: Code): { other?: Code } {
  return found.permanentCode === code.permanentCode ? {} : { other: codeOf(found) };
}

function codeOf({ permanentCode, isCustomised, agentid }: Code): Code {
  return { permanentCode, isCustomised, ...(agentid !== undefined && { agentid }) };
}

function authorisation(corpid: string, { permanentCode, isCustomised, agentid }: Code): Authorisation {
  return { corpid, permanentCode: new Secret(permanentCode), isCustomised, agentid };
}
