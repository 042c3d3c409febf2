/**
 * WeCom compares userids without regard to case: "系统进行唯一性检查时会忽略大小写". It does not document which spelling it
 * returns, so userids are compared by this key, and sent as they were given.
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
