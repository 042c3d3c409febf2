/**
 * WeCom tells userids apart without regard to case: "系统进行唯一性检查时会忽略大小写". Which spelling comes back is not
 * documented, so people are compared by this key, and a userid is sent as it was given.
 *
 * @see https://developer.work.weixin.qq.com/document/path/90195 user/create
 * @see https://developer.work.weixin.qq.com/document/path/90196 user/get
 */
export function useridKey(userid: string): string {
  return userid.toLowerCase();
}

export function isSameUserid(one: string, other: string): boolean {
  return useridKey(one) === useridKey(other);
}
