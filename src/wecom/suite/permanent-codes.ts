/**
 * The permanent codes. WeCom issues one per authorisation, once. The valid one is the one that WeCom exchanged last,
 * which is unknown here if authorisations overlapped: then all their codes are kept, the latest first, until WeCom has
 * accepted one after that time. A later authorisation replaces them. Only the corp's own cancellation deletes them.
 */
import { Secret } from "../../observability/secret.js";
import type { Authorisation } from "./suite.datasource.js";
import type { SuiteRecords, Versioned } from "./suite-records.js";

interface Code {
  readonly permanentCode: string;
  readonly isCustomised: boolean;
  readonly agentid?: number | undefined;
  /** The number of its auth_code; later authorisations have greater numbers. */
  readonly number: number;
  /** Unix seconds of the event: the authorisation or the cancellation. */
  readonly at: number;
}

type CodeRecord = Versioned &
  ({ readonly isCancelled?: never; readonly codes: readonly Code[] } | { readonly isCancelled: true });

/** Older versions stored one code, at first without a number. */
type OlderRecord = Code & { readonly codes?: never; readonly isCancelled?: never };

/** How far apart overlapping exchanges can be: an auth_code is valid for ten minutes. */
const overlapMs = 11 * 60_000;
/** Limits attempts, because WeCom counts each failure. */
const maxCodes = 8;
/** How long a cancellation is stored, so that a replica's cached code from before it is not restored. */
const cancellationKeptMs = 30 * 24 * 3_600_000;

export class PermanentCodes {
  readonly #prefix: string;

  constructor(
    private readonly records: SuiteRecords,
    prefix: string,
  ) {
    this.#prefix = `${prefix}corp:`;
    // A store that lost one record may have the other one since.
    records.mergeBy(this.#prefix, (newer, older) =>
      codesOf(older as CodeRecord).reduce((merged, code) => withCode(merged, code) ?? merged, newer as CodeRecord),
    );
  }

  /**
   * The codes in the order in which to try them; empty if the corp has not authorised the app.
   *
   * @throws {StoreError} when the store does not answer and this process has not read them before
   */
  async get(corpid: string): Promise<readonly Authorisation[]> {
    const found = await this.records.get<CodeRecord>(this.#prefix + corpid);
    return codesOf(found).map(({ permanentCode, isCustomised, agentid }) => ({
      ...{ corpid, permanentCode: new Secret(permanentCode), isCustomised, agentid },
    }));
  }

  /**
   * Saves the permanent code of an auth_code durably, unless a later authorisation's is saved.
   *
   * @param number of the auth_code
   * @param at Unix seconds of the event that brought it
   */
  async save(
    { corpid, permanentCode, isCustomised, agentid }: Authorisation,
    number: number,
    at: number,
  ): Promise<void> {
    const code = { permanentCode: permanentCode.reveal(), isCustomised, agentid, number, at };
    await this.records.update<CodeRecord>(this.#prefix + corpid, (found) => withCode(found, code));
  }

  /**
   * WeCom has just accepted this code: it is tried first. When no exchange can overlap any more, the others are
   * deleted.
   *
   * @throws {StoreError}
   */
  async confirm(corpid: string, taken: Secret): Promise<void> {
    const nowMs = await this.records.storeNow();
    await this.records.update<CodeRecord>(this.#prefix + corpid, (found) => {
      const known = codesOf(found);
      const code = known.find(({ permanentCode }) => permanentCode === taken.reveal());
      if (!found || !code || known.length < 2) return undefined;
      if (nowMs - found.number > overlapMs) return recordOf([code], found);
      return code === known[0] ? undefined : recordOf([code, ...known.filter((each) => each !== code)], found);
    });
  }

  /**
   * The corp cancelled its authorisation. A later code is kept, because the message was late.
   *
   * @returns whether an authorisation was cancelled
   * @throws {StoreError}
   */
  async cancel(corpid: string, atSeconds: number): Promise<boolean> {
    const cancelled = await this.records.update<CodeRecord>(
      this.#prefix + corpid,
      (found) => {
        if (!found || found.isCancelled || codesOf(found).some(({ at }) => at >= atSeconds)) return undefined;
        return { number: found.number, revision: found.revision + 1, isCancelled: true };
      },
      { expiresInMs: cancellationKeptMs },
    );
    return cancelled !== undefined;
  }
}

/** @returns undefined for no change */
function withCode(found: CodeRecord | undefined, code: Code): CodeRecord | undefined {
  if (found?.isCancelled && found.number >= code.number) return undefined;
  const known = codesOf(found);
  const others = known.filter((each) => each.permanentCode !== code.permanentCode);
  const [first] = known;
  if (!first || isLater(code, first)) {
    return recordOf([code, ...others.filter((each) => isOverlapping(each, code))], found);
  }
  if (others.length < known.length || !isOverlapping(code, first)) return undefined;
  const index = others.findIndex((each) => each !== first && isLater(code, each));
  return recordOf(others.toSpliced(index < 0 ? others.length : index, 0, code), found);
}

function recordOf(codes: readonly Code[], found: CodeRecord | undefined): CodeRecord {
  const number = Math.max(found?.number ?? 0, ...codes.map((code) => code.number));
  const revision = number === found?.number ? found.revision + 1 : 0;
  return { codes: codes.slice(0, maxCodes), number, revision };
}

function codesOf(found: CodeRecord | OlderRecord | undefined): readonly Code[] {
  if (!found || found.isCancelled) return [];
  return found.codes ?? [{ ...found, number: found.number || found.at * 1000 }];
}

function isOverlapping(one: Code, other: Code): boolean {
  return Math.abs(one.number - other.number) < overlapMs;
}

/** Of two that overlap, the greater number may be the older authorisation, if storing it was delayed. */
function isLater(one: Code, other: Code): boolean {
  return isOverlapping(one, other) && one.at !== other.at ? one.at > other.at : one.number > other.number;
}
