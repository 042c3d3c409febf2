// Decisions about behaviour that WeCom does not document, one per open question. Tests that depend on an answer set it;
// tests that must hold for any answer run with each.

export interface Assumptions {
  /** The errcode for an unknown `livingid`: undocumented. Candidates: 40058, 92008, 60136. Default 40058. */
  unknownLivingErrcode: number;
  /** The errcode for an unknown `ww_share_code`, or one older than 5 minutes: undocumented. Default 40058. */
  unknownShareCodeErrcode: number;
  /** The errcode for a userid outside the contact book: 60111 and 46004 are both documented. Default 60111. */
  unknownUserErrcode: number;
  /**
   * The errcode for a userid outside the app's visible range: 60011, 60021, 60030 and 92000 are all documented. Default
   * 60011.
   */
  invisibleUserErrcode: number;
  /** The errcode for an expired access_token: 42001 by its name, but 40014 by WeCom's help text. Default 42001. */
  expiredTokenErrcode: number;
  /**
   * The errcode for a wrong permanent_code, or one of a cancelled authorisation: 40084 and 48004 fit. Default 40084.
   */
  wrongPermanentCodeErrcode: number;
  /** The lifetime of a pre_auth_code: 20 minutes, from memory. */
  preAuthCodeMinutes: number;
  /**
   * The errcode for an empty or malformed JSON body: 40058 and 40063 are documented; 44002 and 47001 were seen. Default
   * 40058.
   */
  malformedBodyErrcode: number;
  /**
   * The errcode for GET on a POST call, and the reverse: 40058 is documented; 43001 and 43002 were seen. Default 40058.
   */
  wrongMethodErrcode: number;
  /** create's text limits: 20 and 100 "utf8 characters" on one page, 60 and 300 bytes on another. Default characters. */
  createTextLimit: "characters" | "bytes";
  /** What one "utf8 character" is. Default code points. */
  characterUnit: "code-point" | "utf-16-unit" | "grapheme";
  /** What get_user_all_livingid does with a `limit` above 100. Default clamp. */
  pageLimitAboveMaximum: "clamp" | "refuse";
  /** Order of `livingid_list`: not documented. Default newest first. */
  livingidOrder: "newest-first" | "oldest-first";
  /** How many viewers get_watch_stat answers at once: not documented. Default 100. */
  watchStatPageSize: number;
  /** `next_key` when `ending` is 1: "" was observed, "NEXT_KEY" is in the official sample. Default "". */
  nextKeyOnLastPage: string;
  /** Whether modify without `remind_time` keeps the old one or resets it to "default 0". Default keep. */
  omittedRemindTime: "keep" | "reset";
  /** `expires_in` when gettoken returns a token again: its remaining or its full lifetime. Default remaining. */
  repeatedTokenExpiresIn: "remaining" | "full";
  /** Whether media/upload reads a chunked body: every client seen sends Content-Length. Default refuse (44001). */
  chunkedUploads: "refuse" | "accept";
  /** `created_at` of media/upload: text in WeCom's sample, a number at its sibling's. Default text. */
  createdAtForm: "text" | "number";
  /** Whether error bodies carry empty payload fields (`"livingid_list":[]`), as one public log shows. Default true. */
  emptyPayloadInErrors: boolean;
}

export const DEFAULT_ASSUMPTIONS: Assumptions = {
  unknownLivingErrcode: 40058,
  unknownShareCodeErrcode: 40058,
  unknownUserErrcode: 60111,
  invisibleUserErrcode: 60011,
  expiredTokenErrcode: 42001,
  wrongPermanentCodeErrcode: 40084,
  preAuthCodeMinutes: 20,
  malformedBodyErrcode: 40058,
  wrongMethodErrcode: 40058,
  createTextLimit: "characters",
  characterUnit: "code-point",
  pageLimitAboveMaximum: "clamp",
  livingidOrder: "newest-first",
  watchStatPageSize: 100,
  nextKeyOnLastPage: "",
  omittedRemindTime: "keep",
  repeatedTokenExpiresIn: "remaining",
  chunkedUploads: "refuse",
  createdAtForm: "text",
  emptyPayloadInErrors: true,
};
