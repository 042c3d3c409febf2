// service/*: from a suite_ticket to an access_token for each corp that authorised the app.

import type { Api, Payload } from "./api.js";
import { ApiFailure } from "./api-failure.js";
import type { App } from "./directory.js";
import type { JsonFields } from "./json-fields.js";
import type { Grant } from "./suites.js";
import type { World } from "./world.js";

/** @see https://developer.work.weixin.qq.com/document/path/90600 */
const getSuiteToken: Api = {
  name: "service/get_suite_token",
  method: "POST",
  auth: "none",
  isErrcodeOmitted: true,
  handle: ({ world, body }) => {
    const suiteId = given(body, "suite_id", 41021);
    const secret = given(body, "suite_secret", 41024);
    const ticket = given(body, "suite_ticket", 41023);
    const suite = world.suites.get(suiteId);
    if (suite === undefined) throw new ApiFailure(40083);
    if (suite.suiteSecret !== secret) throw new ApiFailure(40080);
    if (!world.suites.isTicketOf(suite, ticket)) throw new ApiFailure(40085);
    const { token, expiresInSeconds } = world.suiteTokens.issue(suiteId, suite);
    return { suite_access_token: token, expires_in: expiresInSeconds };
  },
};

/** @see https://developer.work.weixin.qq.com/document/path/90601 */
const getPreAuthCode: Api = {
  name: "service/get_pre_auth_code",
  method: "GET",
  auth: "suite_access_token",
  handle: ({ world, suite }) => ({
    pre_auth_code: world.suites.preAuthCodes.issue(suite),
    expires_in: world.settings.assumptions.preAuthCodeMinutes * 60,
  }),
};

/** @see https://developer.work.weixin.qq.com/document/path/90602 */
const setSessionInfo: Api = {
  name: "service/set_session_info",
  method: "POST",
  auth: "suite_access_token",
  handle: ({ world, suite, body }) => {
    const code = body.text("pre_auth_code");
    body.optionalObject("session_info")?.optionalInteger("auth_type");
    if (world.suites.preAuthCodes.hasExpired(code)) throw new ApiFailure(42007);
    if (world.suites.preAuthCodes.redeem(code) !== suite) throw new ApiFailure(40077);
    return {};
  },
};

/** @see https://developer.work.weixin.qq.com/document/path/90603 */
const getPermanentCode: Api = {
  name: "service/get_permanent_code",
  method: "POST",
  auth: "suite_access_token",
  handle: ({ world, suite, body }) => {
    const { grant, permanentCode, app } = world.suites.exchange(suite, given(body, "auth_code", 41008));
    const agent = { agentid: app.agentid, name: "demo app", is_customized_app: suite.isCustomised === true };
    // A customised app gets its token from gettoken instead, with the permanent code as its secret.
    const corpToken = suite.isCustomised === true ? {} : issueCorpToken(world, app);
    return { ...corpToken, ...authorisation(grant, permanentCode), auth_info: { agent: [agent] } };
  },
};

/** @see https://developer.work.weixin.qq.com/document/path/100776 */
const getPermanentCodeV2: Api = {
  name: "service/v2/get_permanent_code",
  method: "POST",
  auth: "suite_access_token",
  handle: ({ world, suite, body }) => {
    const { grant, permanentCode } = world.suites.exchange(suite, given(body, "auth_code", 41008));
    return authorisation(grant, permanentCode);
  },
};

/** @see https://developer.work.weixin.qq.com/document/path/90605 */
const getCorpToken: Api = {
  name: "service/get_corp_token",
  method: "POST",
  auth: "suite_access_token",
  isErrcodeOmitted: true,
  handle: ({ world, suite, body }) => {
    const corpid = given(body, "auth_corpid", 84054);
    const app = world.suites.authorisedApp(suite, corpid, given(body, "permanent_code", 41025));
    if (app === undefined) throw new ApiFailure(world.settings.assumptions.wrongPermanentCodeErrcode);
    if (suite.isCustomised !== true) return issueCorpToken(world, app);
    // "For a customised app, the token must come from gettoken": one from here is not accepted (help text of 48002).
    const powerless = { ...app, hasLivingPermission: false };
    return tokenFields(world.accessTokens.issue(`${corpid} ${app.agentid} powerless`, powerless));
  },
};

export const suiteCalls: readonly Api[] = [
  getSuiteToken,
  getPreAuthCode,
  setSessionInfo,
  getPermanentCode,
  getPermanentCodeV2,
  getCorpToken,
];

function given(body: JsonFields, name: string, missingErrcode: number): string {
  const value = body.optionalText(name) ?? "";
  if (value === "") throw new ApiFailure(missingErrcode);
  return value;
}

function issueCorpToken(world: World, app: App): Payload {
  return tokenFields(world.accessTokens.issue(`${app.corpid} ${app.agentid}`, app));
}

function tokenFields({ token, expiresInSeconds }: { token: string; expiresInSeconds: number }): Payload {
  return { access_token: token, expires_in: expiresInSeconds };
}

function authorisation({ corpid, state }: Grant, permanentCode: string): Payload {
  return {
    permanent_code: permanentCode,
    auth_corp_info: { corpid, corp_name: "demo corp" },
    auth_user_info: { userid: "administrator", name: "administrator" },
    state,
  };
}
