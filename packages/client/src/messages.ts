/** Sentences for people, in English and Chinese. The gateway's own `message` is for developers. */
import type { LivingErrorName } from "./errors.js";

export type Language = "en" | "zh";
type Text = Readonly<Record<Language, string>>;

const byName: Readonly<Record<LivingErrorName, Text>> = {
  LivingInputError: { en: "Please correct the marked fields.", zh: "请修改标出的内容。" },
  LivingNotFoundError: {
    en: "It does not exist, or this app cannot see it.",
    zh: "不存在，或者不在应用的可见范围内。",
  },
  LivingStateError: {
    en: "This is no longer possible: the live stream has started, ended or been cancelled.",
    zh: "直播已开始、已结束或已取消，无法执行此操作。",
  },
  LivingPermissionError: { en: "This app is not allowed to do that.", zh: "应用没有权限执行此操作。" },
  LivingRateLimitError: {
    en: "There are too many requests right now. Please try again later.",
    zh: "操作过于频繁，请稍后再试。",
  },
  LivingUnavailableError: {
    en: "WeCom cannot be reached. Nothing was changed. Please try again later.",
    zh: "暂时无法连接企业微信，未做任何更改，请稍后再试。",
  },
  LivingOutcomeUnknownError: {
    en: "We do not know yet whether it worked. Do not enter it again; look at the list in a minute.",
    zh: "尚不能确定是否成功。请不要重复提交，稍后在列表中查看。",
  },
  LivingConfigurationError: {
    en: "The connection to WeCom is not set up correctly. Please tell the administrator.",
    zh: "与企业微信的连接配置有误，请联系管理员。",
  },
  LivingWecomError: { en: "WeCom refused this.", zh: "企业微信拒绝了此操作。" },
};

const unknownError: Text = { en: "Something went wrong.", zh: "出错了。" };

/** One sentence about an error of a mutation. A name that this version does not know gets a general sentence. */
export function livingErrorMessage(
  error: { readonly __typename?: string | undefined; readonly errcode?: number | null | undefined },
  language: Language = "en",
): string {
  const text = (byName as Readonly<Record<string, Text>>)[error.__typename ?? ""] ?? unknownError;
  const isUnexplained = text === byName.LivingWecomError || text === unknownError;
  if (!isUnexplained || typeof error.errcode !== "number") return text[language];
  return language === "zh" ? `${text.zh}（错误码 ${error.errcode}）` : `${text.en} (errcode ${error.errcode})`;
}

export interface Violation {
  readonly path: string;
  readonly constraint: string;
  readonly message: string;
}

/** Sentences by `constraint`. `numbers` are the limits, taken from the gateway's message so that they follow the gateway. */
const byConstraint: Readonly<Record<string, (numbers: readonly string[]) => Text>> = {
  hasCharacters: ([low = "", high]) =>
    high === undefined
      ? { en: `At most ${low} characters.`, zh: `最多 ${low} 个字。` }
      : { en: `${low} to ${high} characters.`, zh: `请输入 ${low} 至 ${high} 个字。` },
  hasBytes: ([limit = ""]) => ({ en: `At most ${limit} bytes.`, zh: `最多 ${limit} 字节（一个汉字占 3 字节）。` }),
  isWecomText: () => ({
    en: "Contains a character that WeCom does not accept.",
    zh: "包含企业微信不支持的字符。",
  }),
  min: ([limit = ""]) => ({ en: `At least ${limit}.`, zh: `不能小于 ${limit}。` }),
  arrayMaxSize: ([limit = ""]) => ({ en: `At most ${limit}.`, zh: `最多 ${limit} 个。` }),
  isImage: () => ({ en: "Please choose a JPEG or PNG image.", zh: "请选择 JPEG 或 PNG 图片。" }),
  minBytes: () => ({ en: "The image is empty.", zh: "图片内容为空。" }),
  maxBytes: ([limit = ""]) => {
    const megabytes = Math.floor(Number(limit) / 2 ** 20);
    return { en: `The image is larger than ${megabytes} MB.`, zh: `图片不能超过 ${megabytes} MB。` };
  },
  isInTime: () => ({ en: "The upload took too long. Please try again.", zh: "上传超时，请重试。" }),
  isId: () => ({ en: "This is not a valid id.", zh: "ID 无效。" }),
  isOneKey: () => ({ en: "Two different keys were sent.", zh: "提交了两个不同的幂等键。" }),
  isForOneCreate: () => ({ en: "Each live stream needs a key of its own.", zh: "每场直播需要单独的幂等键。" }),
  isOfOneInput: () => ({
    en: "This form was sent before with other values. Please open a new form.",
    zh: "此表单已用其他内容提交过，请重新打开表单。",
  }),
};

/** One sentence to show at a field. Rules that this version does not know: the gateway's own English sentence. */
export function violationMessage({ constraint, message }: Violation, language: Language = "en"): string {
  const errcode = /^errcode(\d+)$/.exec(constraint)?.[1];
  if (errcode !== undefined) {
    return language === "zh"
      ? `企业微信不接受此值（错误码 ${errcode}）。`
      : `WeCom does not accept this (errcode ${errcode}).`;
  }
  return byConstraint[constraint]?.(message.match(/\d+/g) ?? [])[language] ?? message;
}
