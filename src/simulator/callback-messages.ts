// The messages that WeCom pushes, with the field names of its documentation.

import { statusOf, type Living } from "./living.js";

export type CallbackMessage = Readonly<Record<string, string | number>>;
export type CallbackFormat = "xml" | "json";

/** Text in CDATA, numbers bare, as in the official samples. */
export function renderMessage(message: CallbackMessage, format: CallbackFormat): string {
  if (format === "json") return JSON.stringify(message);
  const fields = Object.entries(message).map(([name, value]) => `<${name}>${renderValue(value)}</${name}>`);
  return `<xml>${fields.join("")}</xml>`;
}

function renderValue(value: string | number): string {
  return typeof value === "number" ? String(value) : `<![CDATA[${value.replaceAll("]]>", "]]]]><![CDATA[>")}]]>`;
}

/** @see https://developer.work.weixin.qq.com/document/path/94145 */
export function livingStatusChange(living: Living, nowSeconds: number): CallbackMessage {
  return {
    ToUserName: living.creator.corpid,
    FromUserName: living.booking.anchorUserid,
    CreateTime: nowSeconds,
    MsgType: "event",
    Event: "living_status_change",
    LivingId: living.livingid,
    Status: statusOf(living, nowSeconds),
    AgentID: living.creator.agentid,
  };
}

/** @see https://developer.work.weixin.qq.com/document/path/90628 */
export function suiteTicket(suiteId: string, ticket: string, nowSeconds: number): CallbackMessage {
  return { SuiteId: suiteId, InfoType: "suite_ticket", TimeStamp: nowSeconds, SuiteTicket: ticket };
}

/** @see https://developer.work.weixin.qq.com/document/path/90642 */
export function createAuth(suiteId: string, authCode: string, state: string, nowSeconds: number): CallbackMessage {
  return { SuiteId: suiteId, AuthCode: authCode, InfoType: "create_auth", TimeStamp: nowSeconds, State: state };
}

export function changeAuth(suiteId: string, corpid: string, nowSeconds: number): CallbackMessage {
  return { SuiteId: suiteId, InfoType: "change_auth", TimeStamp: nowSeconds, AuthCorpId: corpid };
}

export function cancelAuth(suiteId: string, corpid: string, nowSeconds: number): CallbackMessage {
  return { SuiteId: suiteId, InfoType: "cancel_auth", TimeStamp: nowSeconds, AuthCorpId: corpid };
}

/** @see https://developer.work.weixin.qq.com/document/path/97175 */
export function resetPermanentCode(suiteId: string, authCode: string, nowSeconds: number): CallbackMessage {
  return { SuiteId: suiteId, AuthCode: authCode, InfoType: "reset_permanent_code", TimeStamp: nowSeconds };
}
