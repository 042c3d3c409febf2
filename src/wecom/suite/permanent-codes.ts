/**
 * The permanent codes: WeCom hands one out for each authorisation, and never again. It means the one that it exchanged last,
 * which is not known here of authorisations that overlapped: all their codes are kept, the latest first, until WeCom has
 * taken one after that time. A later authorisation replaces them, and only the corp's own cancellation ends them.
 */
import { Secret } from "../../observability/secret.js";
import type { Authorisation } from "./suite.datasource.js";
import type { SuiteRecords, Versioned } from "./suite-records.js";

interface Code {
  readonly permanentCode: string;
  readonly isCustomised: boolean;
  readonly agentid?: number | undefined;
  /** Of the auth_code that it was given for: a later one has a greater number. */
  readonly number: number;
  /** Unix seconds: of the event that brought the auth_code, or of the cancellation. */
  readonly at: number;
}

type CodeRecord = Versioned & { readonly at: number } & (
    { readonly isCancelled?: never; readonly codes: readonly Code[] } | { readonly isCancelled: true }
  );

/** Older versions had one, without a number at first, and another beside it. They still read the first so. */
type OlderRecord = Code & { readonly codes?: never; readonly isCancelled?: never; readonly other?: Code };

/** Two exchanges that overlapped lie no further apart: an auth_code is good for ten minutes. */
const overlapMs = 11 * 60_000;
/** Each of them may be tried, and its failure counts at WeCom. */
const maxCodes = 8;
/** For so long a code from before the cancellation, which another replica has in its memory, is not put back. */
const cancellationKeptMs = 30 * 24 * 3_600_000;

export class PermanentCodes {
  readonly #prefix: string;

  constructor(
    private readonly records: SuiteRecords,
    prefix: string,
  ) {
    this.#prefix = `${prefix}corp:`;
    // A store that has lost the one may have got the other since.
    records.mergeBy(this.#prefix, (newer, older) =>
      codesOf(older as CodeRecord).reduce((merged, code) => withCode(merged, code) ?? merged, newer as CodeRecord),
    );
  }

  /**
   * In the order in which they are tried; none where the corp has not authorised the app.
   *
   * @throws {StoreError} when the store does not answer and this process has never seen them
   */
  async get(corpid: string): Promise<readonly Authorisation[]> {
    const found = await this.records.get<CodeRecord>(this.#prefix + corpid);
    return codesOf(found).map(({ permanentCode, isCustomised, agentid }) => ({
      ...{ corpid, permanentCode: new Secret(permanentCode), isCustomised, agentid },
    }));
  }

  /**
   * Saves the code that WeCom gave for an auth_code, durably, unless that of a later authorisation is there.
   *
   * @param number of the auth_code
   * @param at Unix time of the event that brought it, in seconds
   */
  async save(
    { corpid, permanentCode, isCustomised, agentid }: Authorisation,
    number: number,
    at: number,
  ): Promise<void> {
    const code = { permanentCode: permanentCode.reveal(), isCustomised, agentid, number, at };
    await this.records.update<CodeRecord>(this.#prefix + corpid, (found) => withCode(found, code));
  }

  /** WeCom has taken this code just now: it is tried first, and once nothing is under way, alone. @throws {StoreError} */
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
   * The corp took its authorisation back: a code that is younger is left, for the message came late.
   *
   * @returns whether there was one to take back
   * @throws {StoreError}
   */
  async cancel(corpid: string, atSeconds: number): Promise<boolean> {
    const cancelled = await this.records.update<CodeRecord>(
      this.#prefix + corpid,
      (found) => {
        if (!found || found.isCancelled || codesOf(found).some(({ at }) => at >= atSeconds)) return undefined;
        return { number: found.number, revision: found.revision + 1, at: atSeconds, isCancelled: true };
      },
      { expiresInMs: cancellationKeptMs },
    );
    return cancelled !== undefined;
  }
}

/** @returns undefined when nothing changes */
function withCode(found: CodeRecord | undefined, code: Code): CodeRecord | undefined {
  if (found?.isCancelled && found.number >= code.number) return undefined;
  const known = codesOf(found);
  const others = known.filter((each) => each.permanentCode !== code.permanentCode);
  const [first] = known;
  if (!first || isLater(code, first)) {
    return recordOf([code, ...others.filter((each) => isOverlapping(each, code))], found);
  }
  if (others.length < known.length || !isOverlapping(code, first)) return undefined;
  const place = others.findIndex((each) => each !== first && isLater(code, each));
  return recordOf(others.toSpliced(place < 0 ? others.length : place, 0, code), found);
}

function recordOf(codes: readonly Code[], found: CodeRecord | undefined): CodeRecord | undefined {
  const [first] = codes;
  if (!first) return undefined;
  const { permanentCode, isCustomised, agentid, at } = first;
  const number = Math.max(found?.number ?? 0, ...codes.map((code) => code.number));
  const revision = number === found?.number ? found.revision + 1 : 0;
  const firstForOlderVersions = { permanentCode, isCustomised, agentid };
  return { ...firstForOlderVersions, codes: codes.slice(0, maxCodes), number, revision, at };
}

function codesOf(found: CodeRecord | OlderRecord | undefined): readonly Code[] {
  if (!found || found.isCancelled) return [];
  if (found.codes) return found.codes;
  const { other, ...first } = found;
  const number = first.number || first.at * 1000;
  return [first, ...(other ? [other] : [])].map((code) => ({ ...code, number, at: first.at }));
}

function isOverlapping(one: Code, other: Code): boolean {
  return Math.abs(one.number - other.number) < overlapMs;
}

/** Of two that overlap the one with the greater number may be the older: it could not be stored when it came first. */
function isLater(one: Code, other: Code): boolean {
  return isOverlapping(one, other) && one.at !== other.at ? one.at > other.at : one.number > other.number;
}
