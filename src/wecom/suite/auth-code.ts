/**
 * The stored state of an auth_code, and its transitions:
 *
 *     pending ⇄ sent → exchanged → done          refused: WeCom rejects the code
 *                 ↓                              expired: not exchanged while the code was valid
 *               lost
 */
import { WecomApiError, type WecomError } from "../errors.js";
import { permanentCodeApi } from "./suite.datasource.js";
import type { Versioned } from "./suite-records.js";

/** WeCom's ten minutes, plus one for clock differences. */
export const authCodeLifeMs = 11 * 60_000;

export type AuthCodeRecord = Versioned & { readonly at: number } & AuthCodeState;
export type AuthCodeState =
  | { readonly state: "pending" | "sent"; readonly authCode: string; readonly untilMs: number }
  | {
      readonly state: "exchanged";
      readonly corpid: string;
      readonly permanentCode: string;
      readonly isCustomised: boolean;
      /** The app's agentid in that corp; absent if WeCom did not return it. */
      readonly agentid?: number | undefined;
    }
  | { readonly state: "done"; readonly corpid: string }
  | { readonly state: "refused" | "expired" | "lost" };
export type OpenRecord = Extract<AuthCodeRecord, { authCode: string }>;
export type ExchangedRecord = Extract<AuthCodeRecord, { state: "exchanged" }>;

/** The outcome of an auth_code. `open`: not known yet. */
export type AuthorisationOutcome =
  { readonly state: "done"; readonly corpid: string } | { readonly state: "open" | "refused" | "expired" | "lost" };

/** Log messages of the outcomes. */
export const endings = {
  refused: "WeCom does not take an auth_code: unless the corp works already, it has to authorise the app again",
  expired: "an auth_code could not be exchanged in time: the corp has to authorise the app again",
  lost: "the answer to an auth_code was lost, and the code works once: the corp has to authorise the app again",
};

export function isFinal(record: AuthCodeRecord): record is Exclude<AuthCodeRecord, OpenRecord | ExchangedRecord> {
  return !["pending", "sent", "exchanged"].includes(record.state);
}

/** Whether the error is about the code itself, and not about the suite's own credentials. */
export function isVerdict(error: WecomError): error is WecomApiError {
  return error instanceof WecomApiError && error.api === permanentCodeApi && error.entry?.retry === "never";
}

export function mayBeSent(error: WecomError): boolean {
  return error.api === permanentCodeApi && error.mayHaveTakenEffect;
}

/** The pause until the next attempt, which grows with the code's age. */
export function pauseMs(ageMs: number): number {
  return Math.min(Math.max(ageMs / 4, 500), 10_000);
}
