// Everything that the simulator had to decide because WeCom does not document it. Each entry names the open question; a
// test that depends on the answer sets it, and one that should hold whatever the answer runs under both.

export interface Assumptions {
  /** What an unknown `livingid` yields: no source says. Candidates: 40058, 92008, 60136. Default 40058. */
  unknownLivingErrcode: number;
  /** What an unknown `ww_share_code` (or one older than 5 minutes) yields: no source says. Default 40058. */
  unknownShareCodeErrcode: number;
  /** What a userid outside the contact book yields: 60111 and 46004 are both documented. Default 60111. */
  unknownUserErrcode: number;
  /** What a userid outside the app's visible range yields: 60011, 60021, 60030 and 92000 are all documented. Default 60011. */
  invisibleUserErrcode: number;
  /** What an expired access_token yields: 42001 by its name, yet 40014 according to WeCom's own help text. Default 42001. */
  expiredTokenErrcode: number;
  /** What a wrong permanent_code yields, or one of a cancelled authorisation: 40084 and 48004 fit. Default 40084. */
  wrongPermanentCodeErrcode: number;
  /** How long a pre_auth_code is valid: 20 minutes, from memory. */
  preAuthCodeMinutes: number;
  /** What an empty or malformed JSON body yields: 40058 and 40063 are documented; 44002, 47001 were seen. Default 40058. */
  malformedBodyErrcode: number;
  /** What GET on a POST call, or POST on a GET call, yields: 40058 is documented; 43001, 43002 were seen. Default 40058. */
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
  /** `expires_in` when gettoken repeats a token: what is left of it, or the full lifetime again. Default remaining. */
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
