// The meaning of WeCom's errcodes: who is at fault, whether a retry can help, what the operator should do. src/errors.ts turns
// an entry into a GraphQL error. Over 300 lines because it is one table, a row per errcode: the part of WeCom's list
// that a gateway for livings can get, and a few codes that are not, or no longer, listed.
//
// Source: WeCom's global error codes, https://developer.work.weixin.qq.com/document/path/90313 (list of 2024-04-08).
// On WeChat's Official Account and mini-program platforms the same numbers mean other things.

/** Who or what has to change before the call can succeed. */
export type ErrcodeFault =
  /** Success. */
  | "none"
  | "caller-input"
  /** A media_id, or the file behind it. */
  | "caller-media"
  | "not-found"
  /** The living is past the point at which this can be done to it. */
  | "state"
  /** The app may not do this, or not to this person or living. */
  | "permission"
  | "rate"
  | "concurrency"
  /** WeCom itself, for the moment. */
  | "wecom"
  /** The corp's access_token. */
  | "token"
  /** The suite's token or ticket, or a code on the way to a corp's authorisation (third-party apps). */
  | "suite-token"
  /** Corp, suite or secret, as configured. */
  | "credential"
  /** The address from which the gateway calls. */
  | "ip"
  /** Something paid for: the app's service, its seats, a user's interface licence. */
  | "license"
  /** The callback or trusted domain, as configured. */
  | "callback"
  | "deprecated"
  | "other";

/**
 * What can make the same call succeed. It says nothing of whether repeating is safe: that is a property of the call.
 *
 * - `never`: the same request fails again
 * - `refresh-token`: once, with a new token
 * - `backoff`: after a pause that grows
 * - `after-window`: when the limit's block has ended
 * - `after-operator`: when somebody has changed a setting
 */
type ErrcodeRetry = "never" | "refresh-token" | "backoff" | "after-window" | "after-operator";

/**
 * What an errcode speaks of, and so what follows from it:
 *
 * - `request`: this request, whenever it is sent. A create under an idempotency key is settled by it.
 * - `gateway`: the gateway's token, credentials, address or licence. It says nothing of the request; a fetch of a token that
 *   is refused so is not repeated at once.
 * - `moment`: WeCom's load or a limit. It says nothing of the request nor of the credentials; what is cached may be served.
 */
type ErrcodeSubject = "request" | "gateway" | "moment";

/** A field of a living call's body, as documented; a dot leads into an object. */
type LivingWireField =
  | "activity_cover_mediaid"
  | "activity_detail.description"
  | "activity_detail.image_list"
  | "activity_share_mediaid"
  | "agentid"
  | "anchor_userid"
  | "cursor"
  | "description"
  | "next_key"
  | "openid"
  | "theme"
  | "userid";

export interface ErrcodeEntry {
  readonly errcode: number;
  readonly meaning: string;
  readonly fault: ErrcodeFault;
  readonly about: ErrcodeSubject;
  readonly retry: ErrcodeRetry;
  /** The query parameter whose token is refused: another token can make the call succeed. */
  readonly refusesToken?: "access_token" | "suite_access_token";
  /** The gateway repeats a read that gets this errcode, because the cause soon passes. */
  readonly repeatsReads?: true;
  /** A write that gets this errcode may have taken effect. */
  readonly leavesOutcomeOpen?: true;
  /** What the operator should do, in a sentence or two. */
  readonly operator: string;
  /** The fields that the errcode can blame, over all living calls: look only at those that the call has sent. */
  readonly fields?: readonly LivingWireField[];
  /** Whether WeCom's list has the code. */
  readonly isDocumented: boolean;
  /** Where the code is known from. Default: WeCom's list. */
  readonly source?: string;
}

/** What holds for a fault unless the row says otherwise. */
const usual: Record<ErrcodeFault, Pick<ErrcodeEntry, "about" | "retry" | "operator">> = {
  none: { about: "request", retry: "never", operator: "Nothing." },
  "caller-input": { about: "request", retry: "never", operator: "Nothing: the caller must change the request." },
  "caller-media": {
    about: "request",
    retry: "never",
    operator: "Nothing: the caller must upload a fitting file and send its media_id.",
  },
  "not-found": {
    about: "request",
    retry: "never",
    operator: "Nothing: the caller asked for something that does not exist.",
  },
  state: { about: "request", retry: "never", operator: "Nothing: the caller came too late." },
  permission: {
    about: "request",
    retry: "after-operator",
    operator: "Grant the permission to the app in WeCom's admin console.",
  },
  rate: { about: "moment", retry: "backoff", operator: "Lower the rate of calls." },
  concurrency: { about: "moment", retry: "backoff", operator: "Lower the number of calls in flight." },
  wecom: { about: "moment", retry: "backoff", operator: "Wait; if it lasts, ask WeCom's support." },
  token: {
    about: "gateway",
    retry: "refresh-token",
    operator: "Nothing: the gateway fetches a new token. A fixed WECOM_ACCESS_TOKEN has to be replaced by hand.",
  },
  "suite-token": {
    about: "gateway",
    retry: "refresh-token",
    operator: "Nothing: the gateway fetches a new suite token.",
  },
  credential: { about: "gateway", retry: "after-operator", operator: "Correct the configured credentials." },
  ip: {
    about: "gateway",
    retry: "after-operator",
    operator: "Put the gateway's outgoing address on the app's or provider's allow-list.",
  },
  license: { about: "gateway", retry: "after-operator", operator: "Renew the app's paid service." },
  callback: {
    about: "gateway",
    retry: "after-operator",
    operator: "Correct the callback settings of the app in WeCom's console.",
  },
  deprecated: {
    about: "request",
    retry: "never",
    operator: "Update the gateway: WeCom has withdrawn the API that it calls.",
  },
  other: { about: "request", retry: "never", operator: "Read WeCom's page on the code." },
};

function entry(
  errcode: number,
  fault: ErrcodeFault,
  meaning: string,
  unusual: Partial<Omit<ErrcodeEntry, "errcode" | "meaning" | "fault" | "about">> = {},
): ErrcodeEntry {
  return { errcode, meaning, fault, ...usual[fault], isDocumented: true, ...unusual };
}

const person = { fields: ["anchor_userid", "userid"] } as const;
const agent = { fields: ["agentid"] } as const;
const media = {
  fields: ["activity_cover_mediaid", "activity_share_mediaid", "activity_detail.image_list"],
} as const;

const neverSent = { retry: "never", operator: "Report a defect of the gateway: it should always send this." } as const;
const authoriseAgain = {
  retry: "never",
  operator: "Have an administrator of the corp start the authorisation of the app again.",
} as const;
const corpSettings = { operator: "Correct WECOM_CORP_ID and WECOM_CORP_SECRET." } as const;
const suiteSettings = { operator: "Correct WECOM_SUITE_ID and WECOM_SUITE_SECRET." } as const;
const visibleRange = { operator: "Bring the person into the app's visible range in WeCom's admin console." } as const;
const enableApp = { operator: "Enable the app again in WeCom's admin console." } as const;
const rightToken = { operator: "Check that corp, app and secret in the settings belong together." } as const;
const buySeats = { operator: "Buy more seats for the app, or free some." } as const;
const userLicence = {
  operator: "Assign an activated interface licence to the user in the provider's console.",
} as const;
const legacy = {
  operator: "Report a defect of the gateway, unless a proxy on the way changes its requests.",
  isDocumented: false,
  source: "older list kept in JeffreySu/WeiXinMPSDK@be573f6f, src/Senparc.Weixin.Work/Senparc.Weixin.Work/Enums.cs",
} as const;

/** Ascending by errcode, each once. Formatted by hand: a row is one line, and what is unusual about it the next. */
// prettier-ignore
export const errcodes: readonly ErrcodeEntry[] = [
  // WeCom says to repeat -1 at most three times, and does not say whether a write was executed before.
  entry(-1, "wecom", "WeCom is busy", { repeatsReads: true, leavesOutcomeOpen: true,
    operator: "Wait; WeCom advises three repeats at most. If it lasts, ask WeCom's support." }),
  entry(0, "none", "Success"),
  entry(6000, "wecom", "Somebody else was changing the same record at that moment"),
  entry(40001, "credential", "The secret is refused: it does not fit the corp, was reset, or its app is disabled", {
    operator: "Correct WECOM_CORP_SECRET at once: a wrong one, tried often, gets the address banned for an hour." }),
  entry(40003, "caller-input", "The userid is malformed, or plain where a third-party app needs it encrypted", person),
  entry(40004, "caller-media", "Media of a file type that is not accepted", media),
  entry(40005, "caller-input", "Unknown media type in the request"),
  entry(40006, "caller-media", "Media of a file size that is not accepted", media),
  entry(40007, "caller-media", "The media_id is unknown, of the wrong type, or older than three days", media),
  entry(40008, "caller-input", "Unknown message type"),
  entry(40009, "caller-media", "The image's size is not accepted", media),
  entry(40011, "caller-media", "The video's size is not accepted"),
  entry(40013, "credential", "Unknown corp id", { operator: "Correct WECOM_CORP_ID." }),
  entry(40014, "token", "The access_token is malformed, of another kind, or no longer valid", {
    refusesToken: "access_token" }),
  entry(40029, "caller-input", "The sign-in code is wrong, used, or older than five minutes"),
  entry(40031, "caller-input", "The list of userids is malformed"),
  entry(40032, "caller-input", "The list of userids has a length that is not accepted"),
  entry(40033, "caller-input", "The body has characters that are not accepted, such as \\u escapes"),
  entry(40035, "caller-input", "A parameter is not accepted"),
  entry(40056, "caller-input", "Unknown agentid", agent),
  entry(40057, "callback", "The callback URL is not accepted or did not answer its verification"),
  entry(40058, "caller-input", "A parameter is not accepted: malformed, too long, or empty although required"),
  entry(40063, "caller-input", "A required parameter is absent; also said when the body is no JSON"),
  entry(40073, "caller-input", "Unknown openid", { fields: ["openid"] }),
  entry(40077, "suite-token", "The pre_auth_code is refused", authoriseAgain),
  entry(40078, "suite-token", "The auth_code is refused; it works once", authoriseAgain),
  entry(40080, "credential", "The suite's secret is refused", { operator: "Correct WECOM_SUITE_SECRET." }),
  entry(40082, "suite-token", "The suite_access_token is malformed or no longer valid", {
    refusesToken: "suite_access_token" }),
  entry(40083, "credential", "Unknown suite id", { operator: "Correct WECOM_SUITE_ID." }),
  entry(40084, "credential", "The permanent_code is wrong, of another provider, or its authorisation was cancelled", {
    operator: "Ask whether the corp cancelled the app; if not, have its administrator authorise the app again." }),
  entry(40085, "suite-token", "The suite_ticket is unknown or too old", { retry: "backoff",
    operator: "Wait ten minutes for WeCom's next ticket; if none comes, check that WeCom can reach /wecom/callback." }),
  entry(40086, "credential", "Unknown appid of a third-party app", suiteSettings),
  entry(40091, "credential", "The secret is refused; it may be another corp's", corpSettings),
  entry(40096, "caller-input", "Unknown external_userid"),
  entry(40097, "caller-input", "The person has not left the corp"),
  entry(40123, "caller-media", "The uploaded image is damaged, or not as large as was declared"),
  entry(40125, "caller-input", "Unknown open_userid"),
  entry(40133, "license", "The corp lets none of its members authorise apps", {
    operator: "Have an administrator of the corp permit authorisation by members." }),
  entry(40134, "license", "The app that this member authorised is disabled", enableApp),
  entry(40135, "license", "The corp may not authorise another app of this kind", {
    operator: "Have an administrator of the corp permit the app beside the similar one." }),
  entry(40136, "license", "The app's trial has ended"),
  entry(40137, "license", "The app's service period has ended"),
  entry(40138, "license", "More users than seats were paid for", buySeats),
  entry(40139, "license", "More members authorised the app than it may have", buySeats),
  entry(41001, "token", "The access_token is absent from the URL", neverSent),
  entry(41002, "credential", "The corp id is absent", { operator: "Set WECOM_CORP_ID." }),
  entry(41004, "credential", "The secret is absent", { operator: "Set WECOM_CORP_SECRET." }),
  entry(41006, "caller-input", "A media_id is absent", media),
  entry(41008, "suite-token", "The authorisation code is absent", authoriseAgain),
  entry(41009, "caller-input", "The userid is absent", person),
  entry(41011, "caller-input", "The agentid is absent", agent),
  entry(41021, "credential", "The suite id is absent", { operator: "Set WECOM_SUITE_ID." }),
  entry(41022, "suite-token", "The suite_access_token is absent", neverSent),
  entry(41023, "suite-token", "The suite_ticket is absent", { retry: "never",
    operator: "Check that WeCom can reach /wecom/callback: the gateway seems to have no ticket." }),
  entry(41024, "credential", "The secret is absent", { operator: "Set the secret of the corp or suite." }),
  entry(41025, "credential", "The permanent_code is absent", {
    operator: "Have an administrator of the corp authorise the app, so that the gateway gets a permanent code." }),
  entry(42001, "token", "The access_token has expired", { refusesToken: "access_token" }),
  entry(42007, "suite-token", "The pre_auth_code has expired", {
    retry: "never",
    operator: "Nothing if the authorisation goes on with a new code; otherwise have it started again." }),
  entry(42009, "suite-token", "The suite_access_token has expired", { refusesToken: "suite_access_token" }),
  entry(42022, "caller-input", "The code has been used; it works once"),
  entry(43001, "caller-input", "The API wants GET", legacy),
  entry(43002, "caller-input", "The API wants POST", legacy),
  entry(43003, "caller-input", "The API wants HTTPS", { ...legacy,
    operator: "Check that WECOM_BASE_URL, and each proxy on the way, uses https." }),
  entry(43004, "caller-input", "The person has not linked WeChat to the account"),
  entry(43009, "permission", "The corp has not been verified", {
    operator: "Have the corp complete its verification with WeCom." }),
  entry(43012, "callback", "The app needs a callback URL and has none", {
    operator: "Set the gateway's /wecom/callback as callback URL of the app in WeCom's console." }),
  entry(44001, "caller-media", "The uploaded file is empty"),
  entry(44002, "caller-input", "The body is empty", legacy),
  entry(45001, "caller-media", "The uploaded file is too large"),
  entry(45002, "caller-input", "The message is too long"),
  entry(45004, "caller-input", "The description is too short or too long", { fields: ["description"] }),
  entry(45007, "caller-media", "The voice recording is longer than a minute"),
  entry(45009, "rate", "Too many calls of this API", { retry: "after-window",
    operator: "Find who calls so often. The limit per minute blocks for 60 seconds, per hour for 60 minutes, per day " +
      "until midnight, per month for 30 days. If it is the token call that is blocked, check the secret: wrong ones, " +
      "tried often, get the address banned for an hour." }),
  entry(45011, "rate", "Too many calls, on WeChat's other platforms", { isDocumented: false,
    source: "JeffreySu/WeiXinMPSDK@be573f6f, src/Senparc.Weixin.Open/Senparc.Weixin.Open/Enums.cs",
    operator: "Check WECOM_BASE_URL: WeCom itself is not known to answer this." }),
  entry(45029, "other", "The answer would be too large", {
    operator: "Nothing: the caller must ask for a smaller page." }),
  entry(45031, "credential", "The secret is too weak to be accepted", {
    operator: "Reset the app's secret in WeCom's admin console, then set WECOM_CORP_SECRET." }),
  entry(45033, "concurrency", "Too many calls of this API in flight for the corp", { repeatsReads: true,
    operator: "Lower WECOM_MAX_IN_FLIGHT, and look for other programs that call for the same corp." }),
  entry(46004, "not-found", "No such user", person),
  entry(47001, "caller-input", "The body could not be parsed", legacy),
  entry(48001, "permission", "The app has not been authorised for this API"),
  entry(48002, "permission", "The app may not call this API", {
    operator: "Permit the app the living API in WeCom's admin console. A third-party app needs the living " +
      "permission, a customised app needs a token from gettoken, with the permanent code as its secret." }),
  entry(48003, "credential", "The suite_access_token belongs to another suite", suiteSettings),
  entry(48004, "credential", "The corp never authorised the app, or no longer does", {
    operator: "Have an administrator of the corp authorise the app again." }),
  entry(48005, "deprecated", "The API has been withdrawn"),
  entry(48006, "permission", "The app was idle for so long that it lost its API permission", enableApp),
  entry(48008, "permission", "An app that may edit contacts may call only some of the contact APIs"),
  entry(48009, "permission", "The contact-sync app may not read contacts from a new address"),
  entry(50001, "permission", "The redirect URL is not on a trusted domain", {
    operator: "Register the domain as trusted for the app in WeCom's admin console." }),
  entry(50002, "permission", "The person is outside of what the app may see", { ...visibleRange, ...person }),
  entry(50003, "permission", "The app is disabled", enableApp),
  entry(50006, "permission", "WeCom's built-in app is disabled", enableApp),
  entry(50100, "caller-input", "The paging cursor is refused", { fields: ["cursor", "next_key"] }),
  entry(60003, "not-found", "No such department"),
  entry(60011, "permission", "The app may not see this person, department or tag", visibleRange),
  entry(60020, "ip", "The calling address is not trusted", {
    operator: "Put the gateway's outgoing address on the app's (or provider's) trusted list and wait a minute." }),
  entry(60021, "permission", "The app may not see this userid", { ...visibleRange, ...person }),
  entry(60030, "permission", "Outside the app's visible range", visibleRange),
  entry(60031, "permission", "This app may call no API at all"),
  entry(60111, "not-found", "No such userid that the app can see; third-party apps need it encrypted", person),
  entry(60136, "not-found", "No such record"),
  entry(60246, "credential", "The third-party app is not online", {
    operator: "Put the app online in the provider's console." }),
  entry(80001, "callback", "The trusted domain is wrong or has no ICP filing"),
  entry(81013, "permission", "Nobody of those named exists within what the app may see", visibleRange),
  entry(81026, "wecom", "The feature is under maintenance"),
  entry(82001, "caller-input", "Nobody is named: no person, department or tag"),
  entry(84005, "credential", "No such third-party app", suiteSettings),
  entry(84054, "credential", "The auth_corpid is absent", neverSent),
  entry(84061, "not-found", "The two are no contacts of each other"),
  entry(85002, "caller-input", "The text has words that WeCom forbids", {
    fields: ["theme", "description", "activity_detail.description"] }),
  entry(85010, "callback", "The callback's parameters are not accepted"),
  entry(85011, "callback", "The callback URL did not answer its verification", {
    operator: "Check that WeCom can reach /wecom/callback, and WECOM_CALLBACK_TOKEN and WECOM_CALLBACK_AES_KEY." }),
  entry(90210, "permission", "The person has to authorise the app first", {
    operator: "Have the person authorise the app." }),
  entry(90302, "license", "The paid period of the app has ended"),
  entry(90303, "license", "The app has more users than were paid for", buySeats),
  entry(90304, "wecom", "WeCom's order system has failed"),
  entry(90308, "ip", "The calling address is refused by the payment API"),
  entry(90405, "caller-media", "An image of a type that is not accepted", media),
  entry(90406, "caller-media", "An image of a size that is not accepted", media),
  entry(90408, "caller-media", "An image that is not accepted", media),
  entry(90409, "caller-media", "The image could not be uploaded", { retry: "backoff", ...media }),
  entry(90414, "caller-input", "A parameter is not accepted"),
  entry(90419, "caller-media", "The image was not stored and needs a new upload", { retry: "backoff", ...media }),
  entry(90466, "permission", "The schedule was made by another app", { retry: "never",
    operator: "Nothing: only the app that made a schedule can change it." }),
  entry(90471, "caller-input", "The reminder time of a schedule is not accepted"),
  entry(90602, "caller-input", "No such meeting, or one made by another app"),
  entry(92000, "permission", "The app may not see this member", { ...visibleRange, ...person }),
  entry(92001, "permission", "The app may not read sensitive fields", {
    operator: "Grant the app the permission for sensitive information." }),
  entry(92002, "permission", "The call reaches into another corp", rightToken),
  entry(92003, "permission", "The call reaches into another app", rightToken),
  entry(92006, "state", "The living is no longer reserved: it has started or was cancelled"),
  entry(92007, "state", "The replay of this living cannot be deleted", {
    operator: "Nothing: the caller asked for what this living does not permit." }),
  entry(92008, "permission", "The app may not touch this living: another app made it", { retry: "never",
    operator: "Nothing: only the app that made a living can change it." }),
  entry(301002, "permission", "The token belongs to another app than the one named", rightToken),
  entry(301007, "permission", "The corp has been dissolved or banned", {
    operator: "Stop serving the corp, or have it settle this with WeCom." }),
  entry(301015, "caller-media", "The media_id is not that of an uploaded temporary image", media),
  entry(301016, "caller-media", "The voice recording is not accepted"),
  entry(301017, "caller-media", "The voice recording is not AMR"),
  entry(301019, "caller-media", "The file's md5 is wrong"),
  entry(301021, "caller-input", "A userid is not in the contact book", person),
  entry(301039, "caller-input", "A request parameter is not accepted"),
  entry(301042, "ip", "The calling address is not on the allow-list"),
  entry(301061, "not-found", "No such userid or openid", { fields: ["anchor_userid", "userid", "openid"] }),
  entry(301063, "caller-input", "A parameter is wrong"),
  entry(301086, "caller-input", "A parameter is wrong; WeCom's errmsg says which"),
  entry(301088, "permission", "The app may not do this"),
  entry(640019, "rate", "The quota of WeDrive calls is used up", { retry: "after-window",
    operator: "Wait until the quota's period has ended." }),
  entry(670001, "permission", "The app is not shared with this partner corp", {
    operator: "Have the app's owner share it with the corp." }),
  entry(701008, "license", "No user with a valid interoperation licence", userLicence),
  entry(701016, "license", "The interface licence is not activated or has expired", userLicence),
  entry(701088, "license", "The provider's app cannot see this user", visibleRange),
  entry(701099, "license", "The user has no valid interface licence", userLicence),
  entry(701134, "rate", "Too many operations of the licence API"),
  entry(846000, "permission", "Only for customised and third-party apps, which this one is not", rightToken),
  entry(2000002, "credential", "No such corp", { operator: "Correct WECOM_CORP_ID." }),
];

const byErrcode: ReadonlyMap<number, ErrcodeEntry> = new Map(errcodes.map((known) => [known.errcode, known]));

/** `undefined` for a code that is not in the table: WeCom's own list has 1,251 codes. */
export function lookupErrcode(errcode: number): ErrcodeEntry | undefined {
  return byErrcode.get(errcode);
}
