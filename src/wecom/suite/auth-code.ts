/**
 * What the store holds of an auth_code, and where it can go from there.
 *
 *     pending ⇄ sent → exchanged → done          refused: WeCom does not take the code
 *                 ↓                              expired: it could not be sent as long as the code was good
 *               lost
 */
import { WecomApiError, type WecomError, WecomTransportError } from "../errors.js";
import { permanentCodeApi } from "./suite.datasource.js";
import type { Versioned } from "./suite-records.js";

/** WeCom's ten minutes, and one for clocks that differ. */
export const authCodeLifeMs = 11 * 60_000;

export type AuthCodeRecord = Versioned & { readonly at: number } & AuthCodeState;
export type AuthCodeState =
  | { readonly state: "pending" | "sent"; readonly authCode: string; readonly untilMs: number }
  | {
      readonly state: "exchanged";
      readonly corpid: string;
      readonly permanentCode: string;
      readonly isCustomised: boolean;
      /** Of the app in that corp; absent where WeCom did not tell it. */
      readonly agentid?: number | undefined;
    }
  | { readonly state: "done"; readonly corpid: string }
  | { readonly state: "refused" | "expired" | "lost" };
export type OpenRecord = Extract<AuthCodeRecord, { authCode: string }>;
export type ExchangedRecord = Extract<AuthCodeRecord, { state: "exchanged" }>;

/** What became of an auth_code. `open`: nothing yet. */
export type AuthorisationOutcome =
  { readonly state: "done"; readonly corpid: string } | { readonly state: "open" | "refused" | "expired" | "lost" };

/** For the log. */
export const endings = {
  refused: "WeCom does not take an auth_code: unless the corp works already, it has to authorise the app again",
  expired: "an auth_code could not be exchanged in time: the corp has to authorise the app again",
  lost: "the answer to an auth_code was lost, and the code works once: the corp has to authorise the app again",
};

export function isFinal(record: AuthCodeRecord): record is Exclude<AuthCodeRecord, OpenRecord | ExchangedRecord> {
  return !["pending", "sent", "exchanged"].includes(record.state);
}

/** On the code itself, and not on what its exchange needs. */
export function isVerdict(error: WecomError): error is WecomApiError {
  return error instanceof WecomApiError && error.api === permanentCodeApi && error.entry?.retry === "never";
}

export function mayBeSent(error: WecomError): boolean {
  if (error.api !== permanentCodeApi) return false;
  return error instanceof WecomTransportError ? error.delivery !== "none" : error.mayHaveTakenEffect;
}

/** The older a code, the longer. */
export function pauseMs(ageMs: number): number {
  return Math.min(Math.max(ageMs / 4, 500), 10_000);
}
