/**
 * The calls with which a provider's app gets the tokens of the corps that authorised it. Wire names as documented.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90597
 */
import { Secret } from "../../observability/secret.js";
import type { CallOptions, Endpoint } from "../call.js";
import { type Answer, requireObject, requireString } from "../answer.js";
import type { WecomClient } from "../client.js";
import { readToken } from "../tokens/gettoken.js";
import type { FetchedToken } from "../tokens/renewed-token.js";
import type { TokenSource } from "../tokens/token-source.js";

const tokenParameter = "suite_access_token";
const service = { method: "POST", effect: "read", mayOmitErrcode: true } as const;
const getSuiteToken: Endpoint = { ...service, api: "service/get_suite_token" };
const getPreAuthCode: Endpoint = { ...service, api: "service/get_pre_auth_code", method: "GET", tokenParameter };
/** Consumes its auth_code. */
const getPermanentCode: Endpoint = { ...service, api: "service/get_permanent_code", effect: "write", tokenParameter };
const getCorpToken: Endpoint = { ...service, api: "service/get_corp_token", tokenParameter };

export const suiteTokenApi = getSuiteToken.api;
export const permanentCodeApi = getPermanentCode.api;
export const corpTokenApi = getCorpToken.api;

export interface Authorisation {
  readonly corpid: string;
  readonly permanentCode: Secret;
  /** 代开发: the permanent code is the app's secret for gettoken. */
  readonly isCustomised: boolean;
  /** The app's agentid in that corp; undefined if WeCom did not return it, or an older version did not store it. */
  readonly agentid?: number | undefined;
}

export class SuiteDataSource {
  constructor(
    private readonly client: WecomClient,
    private readonly suite: { readonly suiteId: string; readonly suiteSecret: Secret },
  ) {}

  /** @see https://developer.work.weixin.qq.com/document/path/90600 */
  getSuiteToken(ticket: Secret, call: CallOptions): Promise<FetchedToken> {
    const body = {
      suite_id: this.suite.suiteId,
      suite_secret: this.suite.suiteSecret.reveal(),
      suite_ticket: ticket.reveal(),
    };
    return this.client.exchange(getSuiteToken, { body }, undefined, call, (answer) =>
      readToken(answer, "suite_access_token"),
    );
  }

  /** @see https://developer.work.weixin.qq.com/document/path/90601 */
  getPreAuthCode(suiteTokens: TokenSource, call: CallOptions): Promise<Secret> {
    return this.client.call(
      getPreAuthCode,
      {},
      suiteTokens,
      call,
      (answer) => new Secret(requireString(answer, "pre_auth_code")),
    );
  }

  /**
   * Never repeated automatically, because an auth_code is valid for one call.
   *
   * @see https://developer.work.weixin.qq.com/document/path/90603
   */
  getPermanentCode(authCode: Secret, suiteTokens: TokenSource, call: CallOptions): Promise<Authorisation> {
    const body = { auth_code: authCode.reveal() };
    return this.client.call(getPermanentCode, { body }, suiteTokens, call, (answer) => ({
      corpid: requireString({ ...requireObject(answer, "auth_corp_info") }, "corpid"),
      permanentCode: new Secret(requireString(answer, "permanent_code")),
      isCustomised: this.suite.suiteId.startsWith("dk") || isCustomised(answer),
      agentid: agentsOf(answer)
        .map(({ agentid }) => agentid)
        .find((agentid) => typeof agentid === "number"),
    }));
  }

  /** @see https://developer.work.weixin.qq.com/document/path/90605 */
  getCorpToken(
    corpid: string,
    permanentCode: Secret,
    suiteTokens: TokenSource,
    call: CallOptions,
  ): Promise<FetchedToken> {
    const body = { auth_corpid: corpid, permanent_code: permanentCode.reveal() };
    return this.client.call(getCorpToken, { body }, suiteTokens, call, (answer) => readToken(answer, "access_token"));
  }
}

/** In the agent or at the top level: descriptions differ. */
function isCustomised(answer: Answer): boolean {
  return [answer, ...agentsOf(answer)].some((each) => each["is_customized_app"] === true);
}

function agentsOf({ auth_info: authInfo }: Answer): Readonly<Record<string, unknown>>[] {
  const { agent } = (authInfo ?? {}) as { agent?: unknown };
  const agents: unknown[] = Array.isArray(agent) ? agent : [];
  return agents.map((each) => Object(each) as Record<string, unknown>);
}
