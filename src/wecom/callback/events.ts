/** The events from WeCom that this gateway handles, with WeCom's names. */
import { Secret } from "../../observability/secret.js";
import type { Fields } from "./fields.js";

/** Unix seconds of WeCom's clock. They order messages that arrive out of order. */
interface Dated {
  readonly at: number;
}

/** Commands to a provider's app. @see https://developer.work.weixin.qq.com/document/path/90642 */
export type SuiteEvent = Dated & { readonly suiteId: string } & (
    | { readonly kind: "suite_ticket"; readonly ticket: Secret }
    | { readonly kind: "create_auth" | "reset_permanent_code"; readonly authCode: Secret }
    | { readonly kind: "change_auth" | "cancel_auth"; readonly corpid: string }
  );

/** @see https://developer.work.weixin.qq.com/document/path/94145 */
export interface LivingStatusChange extends Dated {
  readonly kind: "living_status_change";
  readonly corpid: string;
  readonly livingid: string;
  /** 0 reserved, 1 live, 2 ended, 4 cancelled; 3, expired, is on one of two pages. */
  readonly status: number;
  readonly userid: string;
}

export type CallbackEvent = SuiteEvent | LivingStatusChange | (Dated & UnknownEvent);

interface UnknownEvent {
  readonly kind: "unknown";
  /** WeCom's name of the event. */
  readonly name: string;
  readonly isCommand: boolean;
}

/** The kind of callback: a command to a suite (指令回调), or data of a corp (数据回调). */
export function isCommand(event: CallbackEvent): boolean {
  return "suiteId" in event || (event.kind === "unknown" && event.isCommand);
}

/** A known event without a required field counts as unknown: a repetition would not help. */
export function readEvent(fields: Fields): CallbackEvent {
  const text = (name: string): string => fields.get(name) ?? "";
  const command = text("infotype");
  if (command !== "") {
    const event = readCommand(command, text);
    const common = { at: number(text("timestamp")), suiteId: text("suiteid") };
    return event ? { ...event, ...common } : { kind: "unknown", name: command, isCommand: true, at: common.at };
  }
  const event = text("event") || text("msgtype");
  const at = number(text("createtime"));
  const [corpid, livingid, status] = [text("tousername"), text("livingid"), text("status")];
  if (event === "living_status_change" && corpid !== "" && livingid !== "" && /^\d$/.test(status)) {
    return { kind: event, corpid, livingid, status: Number(status), userid: text("fromusername"), at };
  }
  return { kind: "unknown", name: event, isCommand: false, at };
}

function readCommand(kind: string, text: (name: string) => string) {
  switch (kind) {
    case "suite_ticket":
      return text("suiteticket") === "" ? undefined : { kind, ticket: new Secret(text("suiteticket")) };
    case "create_auth":
    case "reset_permanent_code":
      return text("authcode") === "" ? undefined : { kind, authCode: new Secret(text("authcode")) };
    case "change_auth":
    case "cancel_auth":
      return text("authcorpid") === "" ? undefined : { kind, corpid: text("authcorpid") };
    default:
      return undefined;
  }
}

function number(text: string): number {
  return /^\d{1,12}$/.test(text) ? Number(text) : 0;
}
