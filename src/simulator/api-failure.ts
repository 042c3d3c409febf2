// An errcode that becomes a 200 response, and its errmsg.

/**
 * Texts seen in public logs and issues. For other codes the text is unknown; callers must judge by the errcode anyway,
 * so ours only says that.
 */
const OBSERVED_TEXTS: Readonly<Record<number, string>> = {
  40001: "invalid credential",
  40013: "invalid corpid",
  40014: "invalid access_token",
  40058: "invalid Request Parameter",
  40083: "invalid SuiteId",
  40091: "secret is invalid",
  41001: "access_token missing",
  42001: "access_token expired",
  45009: "api freq out of limit",
  45033: "api concurrent out of limit",
  48002: "api forbidden",
  60020: "not allow to access from your ip",
  60111: "userid not found",
  301002: "not allow operate another agent with this accesstoken",
};

export const WRONG_JSON_WARNING = "Warning: wrong json format. ";

export class ApiFailure extends Error {
  readonly errcode: number;

  /** @param text the beginning of errmsg; default: the observed text of that code */
  constructor(errcode: number, text: string = errcodeText(errcode)) {
    super(text);
    this.errcode = errcode;
  }
}

/** 40058 as WeCom words it: "name exceed max utf8 words 20. invalid Request Parameter". */
export function invalidParameter(complaint: string): ApiFailure {
  return new ApiFailure(40058, `${complaint}. ${errcodeText(40058)}`);
}

export function errcodeText(errcode: number): string {
  return OBSERVED_TEXTS[errcode] ?? `simulated error ${errcode}`;
}

/** @see https://developer.work.weixin.qq.com/document/path/90313 */
export function formatErrmsg(text: string, errcode: number | string, hint: string, egressIp: string): string {
  const url = `https://open.work.weixin.qq.com/devtool/query?e=${errcode}`;
  return `${text}, hint: [${hint}], from ip: ${egressIp}, more info at ${url}`;
}
