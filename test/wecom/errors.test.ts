// What an error of a call to WeCom says to programs: which kind it is, and whether something may have happened.
import { describe, expect, it } from "@jest/globals";
import * as errors from "../../src/wecom/errors.js";

const api = "living/create";
const cause = new Error("why");

describe("An error of a call", () => {
  it.each([
    [new errors.WecomTransportError("m", { api, delivery: "unknown", mayHaveTakenEffect: true, cause }), true],
    [errors.notSent(api, "m", { cause }), false],
    [new errors.WecomConfigurationError("m", { api, cause }), false],
    [new errors.WecomUnsettledError({ api, cause }), true],
    [new errors.WecomGivenUpError({ api }), true],
    [new errors.WecomKeyReusedError({ api }), false],
    [new errors.WecomOverloadError("m", { api, retryAfterSeconds: 7 }), false],
    [new errors.WecomApiError({ api, errcode: -1, errmsg: "", mayHaveTakenEffect: true }), true],
    [new errors.WecomApiError({ api, errcode: -1, errmsg: "", mayHaveTakenEffect: false }), false],
  ])("%s says whether something may have happened: %s", (error, mayHaveTakenEffect) => {
    expect(error).toMatchObject({ api, mayHaveTakenEffect, name: error.constructor.name });
    expect(error).toBeInstanceOf(errors.WecomError);
    expect([cause, undefined]).toContain(error.cause);
  });

  it("has the cause that it was given", () => {
    for (const error of [
      errors.notSent(api, "m", { cause }),
      new errors.WecomConfigurationError("m", { api, cause }),
      new errors.WecomUnsettledError({ api, cause }),
    ])
      expect(error.cause).toBe(cause);
  });

  it("that was not sent says so, and when to come back if that is known", () => {
    expect(errors.notSent(api, "m", { retryAfterSeconds: 3 })).toMatchObject({
      delivery: "none",
      retryAfterSeconds: 3,
    });
    expect(errors.notSent(api, "m").retryAfterSeconds).toBeUndefined();
    expect(new errors.WecomOverloadError("m", { api, retryAfterSeconds: 7 }).retryAfterSeconds).toBe(7);
  });

  it("of the events says with a code whether they are missed or cannot come", () => {
    for (const code of ["EVENTS_MISSED", "EVENTS_UNAVAILABLE"] as const)
      expect(new errors.WecomEventsError("m", code)).toMatchObject({ code, name: "WecomEventsError" });
  });

  it("with an errcode has its row of the table and WeCom's hint, if there are any", () => {
    const errorOf = (errcode: number, errmsg: string) =>
      new errors.WecomApiError({ api, errcode, errmsg, mayHaveTakenEffect: false });

    expect(errorOf(45009, "words, hint: [1700_a-b], from ip: 1.2.3.4")).toMatchObject({
      ...{ errcode: 45009, errmsg: "words", hint: "1700_a-b", entry: { errcode: 45009 } },
    });
    expect(errorOf(1234, "words")).toMatchObject({ errmsg: "words", hint: undefined, entry: undefined });
    expect(errorOf(1, `hint: [${"h".repeat(64)}]`).hint).toHaveLength(64);
    expect(errorOf(1, `hint: [${"h".repeat(65)}]`).hint).toBeUndefined();
  });
});

describe("What a client sees of WeCom's errmsg", () => {
  it.each([
    ["words", "words"],
    ["  words  ", "words"],
    ["words, hint: [1]", "words"],
    ["words, Hint:[1]", "words"],
    ["words, from ip: 1.2.3.4", "words"],
    ["words From IP: 1.2.3.4", "words"],
    ["words, more info at https://open.work.weixin.qq.com", "words"],
    ["hint: [1], from ip: 1.2.3.4", ""],
    ["by 1.2.3.4 not 5.6.7.8:443 now", "by [address] not [address] now"],
    ["by 2001:DB8::7 and fe80::1 now", "by [address] and [address] now"],
    ["version 1.2.3, at 12:30", "version 1.2.3, at 12:30"],
    ["a".repeat(501), "a".repeat(500)],
    ["a".repeat(500), "a".repeat(500)],
  ])("of %j is %j", (errmsg, shown) => {
    expect(errors.publicErrmsg(errmsg)).toBe(shown);
  });
});
