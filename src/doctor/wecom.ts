/** Checks at WeCom: credentials, clock, and the app's permissions. */
import type { Config } from "../config.js";
import { lookupErrcode } from "../wecom/errcodes.js";
import { publicErrmsg } from "../wecom/errors.js";
import { ask, type Finding, ok, sentenceOf, skipped, wrong } from "./finding.js";

/** WeCom's callbacks are rejected from five minutes on; many issuers' tokens, from one. */
const maxSkewMs = 60_000;

export interface WecomOptions {
  /** A member who hosts livings, to check whether the app sees them. */
  readonly userid: string | undefined;
  readonly now: () => number;
}

export async function* examineWecom(config: Config, { userid, now }: WecomOptions): AsyncGenerator<Finding> {
  const wecom = new Wecom(config);
  const { token, finding } = await checkToken(config, wecom);
  yield finding;
  const reading = await checkReading(wecom, token);
  yield checkClock(wecom.serverDate, now());
  yield reading;
  yield token !== undefined && reading.state === "ok"
    ? await checkMember(wecom, token, userid)
    : skipped("visible range", "the app must be able to call the living API first");
}

interface Answer {
  readonly errcode: number;
  readonly errmsg: string;
  readonly [name: string]: unknown;
}

/** A WeCom API client for the diagnosis: one request, one result. */
class Wecom {
  /** WeCom's clock at its last answer. */
  serverDate: string | null = null;

  constructor(private readonly config: Config) {}

  /** @throws with a sentence that says what to do, if WeCom did not answer */
  async ask(api: string, query: Readonly<Record<string, string>>, body?: object): Promise<Answer> {
    const { baseUrl } = this.config.wecom;
    const url = new URL(`${baseUrl.pathname.replace(/\/$/, "")}/cgi-bin/${api}`, baseUrl);
    url.search = new URLSearchParams(query).toString();
    const response = await ask(url, "WECOM_BASE_URL", body && { method: "POST", body: JSON.stringify(body) });
    this.serverDate = response.headers.get("date");
    const answer: unknown = await response.json().catch(() => undefined);
    if (typeof answer !== "object" || answer === null) {
      throw new Error(
        `${url.host} answered HTTP ${response.status} without JSON: is WECOM_BASE_URL WeCom, or a proxy's page?`,
      );
    }
    const { errcode, errmsg, ...fields } = answer as Readonly<Record<string, unknown>>;
    return { ...fields, errcode: Number(errcode ?? 0), errmsg: typeof errmsg === "string" ? errmsg : "" };
  }
}

/**
 * The meaning of an errcode and what to do. Includes the address that WeCom saw, because it has to be added in its
 * console.
 */
function explain({ errcode, errmsg }: Answer): string {
  const entry = lookupErrcode(errcode);
  if (!entry) return `errcode ${errcode}: ${publicErrmsg(errmsg)}`;
  const address = entry.fault === "ip" ? /from ip: ([0-9a-f.:]+)/i.exec(errmsg)?.[1] : undefined;
  const seen = address === undefined ? "" : ` WeCom saw this address: ${address}.`;
  return `errcode ${errcode}: ${entry.meaning}. ${entry.operator}${seen}`;
}

async function checkToken(
  { wecom: { credentials } }: Config,
  wecom: Wecom,
): Promise<{ token?: string; finding: Finding }> {
  switch (credentials.kind) {
    case "simulator":
      return { finding: skipped("token", "no WeCom credentials are set: the simulator answers") };
    case "suite":
      return {
        finding: skipped(
          "token",
          "a suite's token needs the suite_ticket that WeCom pushes every ten minutes: look at suiteTicketAt in /health/details",
        ),
      };
    case "fixed-token":
      return {
        token: credentials.token.reveal(),
        finding: ok("token", "WECOM_ACCESS_TOKEN is used as it is, and never renewed"),
      };
    case "self-built":
      return await fetchToken(credentials, wecom);
  }
}

async function fetchToken(
  { corpid, corpsecret }: Extract<Config["wecom"]["credentials"], { kind: "self-built" }>,
  wecom: Wecom,
): Promise<{ token?: string; finding: Finding }> {
  try {
    const answer = await wecom.ask("gettoken", { corpid, corpsecret: corpsecret.reveal() });
    const { access_token: token } = answer;
    if (answer.errcode !== 0)
      return { finding: wrong("token", `${explain(answer)} (WECOM_CORP_ID, WECOM_CORP_SECRET)`) };
    if (typeof token !== "string") return { finding: wrong("token", "WeCom answered without an access_token") };
    return { token, finding: ok("token", "WeCom takes WECOM_CORP_ID and WECOM_CORP_SECRET") };
  } catch (error) {
    return { finding: wrong("token", sentenceOf(error)) };
  }
}

function checkClock(serverDate: string | null, now: number): Finding {
  const theirs = Date.parse(serverDate ?? "");
  if (Number.isNaN(theirs)) return skipped("clock", "WeCom was not asked, or did not say what time it is");
  const seconds = Math.round((now - theirs) / 1000);
  if (Math.abs(now - theirs) <= maxSkewMs) return ok("clock", `within ${maxSkewMs / 1000} s of WeCom's`);
  const direction = seconds > 0 ? "ahead of" : "behind";
  return wrong(
    "clock",
    `${Math.abs(seconds)} s ${direction} WeCom's: callbacks are refused from 300 s on. Let NTP set this machine's clock`,
  );
}

/** Errcodes that only concern the requested living. */
const aboutTheApp = new Set(["permission", "ip", "token", "suite-token", "credential", "license", "wecom", "rate"]);

/** Reads a living that does not exist: shows whether the app may call the API from this address. */
async function checkReading(wecom: Wecom, token: string | undefined): Promise<Finding> {
  const check = "living API";
  if (token === undefined) return skipped(check, "needs a token first");
  try {
    const answer = await wecom.ask("living/get_living_info", { access_token: token, livingid: "doctor" });
    const fault = lookupErrcode(answer.errcode)?.fault ?? "other";
    if (!aboutTheApp.has(fault)) return ok(check, "the app may call it, from this address");
    const whereToChange =
      "In WeCom's admin console, add the app under 上课直播 or 直播 → 可调用接口的应用; a provider's app needs the 直播 permission.";
    return wrong(check, fault === "permission" ? `${explain(answer)} ${whereToChange}` : explain(answer));
  } catch (error) {
    return wrong(check, sentenceOf(error));
  }
}

async function checkMember(wecom: Wecom, token: string, userid: string | undefined): Promise<Finding> {
  const check = "visible range";
  if (userid === undefined) return skipped(check, "name a member who is to host livings: doctor --userid=USERID");
  try {
    const answer = await wecom.ask("living/get_user_all_livingid", { access_token: token }, { userid, limit: 1 });
    if (answer.errcode === 0) return ok(check, `the app sees ${userid}`);
    return wrong(check, `${explain(answer)} Bring ${userid} into the app's visible range (可见范围).`);
  } catch (error) {
    return wrong(check, sentenceOf(error));
  }
}
