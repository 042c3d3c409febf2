import { describe, expect, it } from "@jest/globals";
import { errcodes, lookupErrcode, type ErrcodeEntry } from "../../src/wecom/errcodes.js";

const codesWhere = (holds: (entry: ErrcodeEntry) => boolean) => errcodes.filter(holds).map((entry) => entry.errcode);

describe("the table of WeCom's errcodes", () => {
  it("holds 154 codes, each once, in ascending order", () => {
    const codes = codesWhere(() => true);
    expect(codes).toHaveLength(154);
    expect(codes).toEqual([...new Set(codes)].sort((one, other) => one - other));
  });

  it("finds each of its codes", () => {
    for (const entry of errcodes) expect(lookupErrcode(entry.errcode)).toBe(entry);
  });

  it("answers undefined for a code that it does not know", () => {
    expect(lookupErrcode(99_999)).toBeUndefined();
    expect(lookupErrcode(Number.NaN)).toBeUndefined();
  });

  it("says what each code means and what the operator should do, as sentences", () => {
    for (const { errcode, meaning, operator } of errcodes) {
      expect({ errcode, meaning }).toEqual({ errcode, meaning: expect.stringMatching(/^\S.{3,110}[^\s.]$/) });
      expect({ errcode, operator }).toEqual({ errcode, operator: expect.stringMatching(/^[A-Z].{5,}\.$/) });
    }
  });

  it("can be shown to anybody: no address, no web page, nothing outside of ASCII", () => {
    for (const { errcode, meaning, operator } of errcodes) {
      expect({ errcode, text: meaning + operator }).toEqual({ errcode, text: expect.stringMatching(/^[\x20-\x7e]+$/) });
      expect(meaning + operator).not.toMatch(/\d+\.\d+\.\d+\.\d+|https?:\/\//);
    }
  });
});

describe("repeating after an errcode", () => {
  it("fetches a new token for exactly these", () => {
    const refreshing = [40014, 40082, 42001, 42009];
    expect(codesWhere((entry) => entry.retry === "refresh-token")).toEqual(refreshing);
    expect(codesWhere((entry) => entry.refusesToken !== undefined)).toEqual(refreshing);
  });

  it("is done by the gateway itself with reads for exactly these, of which one leaves open what a write did", () => {
    expect(codesWhere((entry) => entry.repeatsReads === true)).toEqual([-1, 45033]);
    expect(codesWhere((entry) => entry.leavesOutcomeOpen === true)).toEqual([-1]);
  });

  it("is of no use although a setting or a token is at fault, where the request itself has to be another", () => {
    const settings: ErrcodeEntry["fault"][] = ["credential", "permission", "token", "suite-token"];
    expect(codesWhere((entry) => settings.includes(entry.fault) && entry.retry === "never")).toEqual([
      ...[40077, 40078, 41001, 41008, 41022, 41023, 42007, 84054, 90466, 92008],
    ]);
  });

  it("never fetches a new token for a wrong secret, which would get the address banned", () => {
    expect(lookupErrcode(40001)).toMatchObject({ fault: "credential", retry: "after-operator" });
  });

  it("backs off where WeCom is busy, and waits out a block where there is one", () => {
    expect(codesWhere((entry) => entry.fault === "wecom")).toEqual([-1, 6000, 81026, 90304]);
    expect(codesWhere((entry) => entry.fault === "wecom" && entry.retry !== "backoff")).toEqual([]);
    expect(lookupErrcode(45033)).toMatchObject({ fault: "concurrency", retry: "backoff" });
    expect(codesWhere((entry) => entry.retry === "after-window")).toEqual([45009, 640019]);
  });

  it("repeats nothing by itself that only a changed setting can cure", () => {
    const settings: ErrcodeEntry["fault"][] = ["credential", "ip", "license", "callback", "permission"];
    const repeating: ErrcodeEntry["retry"][] = ["refresh-token", "backoff", "after-window"];
    expect(codesWhere((entry) => settings.includes(entry.fault) && repeating.includes(entry.retry))).toEqual([]);
  });

  it("repeats nothing that the caller has to change, but for a failed upload of an image", () => {
    const callers: ErrcodeEntry["fault"][] = ["caller-input", "caller-media", "not-found", "state"];
    const repeated = codesWhere((entry) => callers.includes(entry.fault) && entry.retry !== "never");
    expect(repeated).toEqual([90409, 90419]);
  });
});

describe("the codes that only livings have", () => {
  it("keeps a living's state apart from a missing permission", () => {
    expect(codesWhere((entry) => entry.fault === "state")).toEqual([92006, 92007]);
    expect(lookupErrcode(92008)).toMatchObject({ fault: "permission", retry: "never" });
  });
});

describe("the fields that an errcode blames", () => {
  // The request tables of WeCom's pages 93637 (create), 93640 (modify), 93641 (code), 93634 (list), 93636 (watch
  // statistics) and 94442 (share).
  const documented = [
    ["anchor_userid", "theme", "living_start", "living_duration", "type", "description", "agentid", "remind_time"],
    ["activity_cover_mediaid", "activity_share_mediaid", "activity_detail.description", "activity_detail.image_list"],
    ["livingid", "openid", "userid", "cursor", "limit", "next_key", "ww_share_code"],
  ].flat();

  it("are named as WeCom documents them", () => {
    const blamed = new Set(errcodes.flatMap((entry) => entry.fields ?? []));
    expect(documented).toEqual(expect.arrayContaining([...blamed]));
  });

  it("are the person's for a userid that does not exist, and the images' for a dead media_id", () => {
    expect(lookupErrcode(60111)?.fields).toEqual(["anchor_userid", "userid"]);
    const images = ["activity_cover_mediaid", "activity_share_mediaid", "activity_detail.image_list"];
    expect(lookupErrcode(40007)?.fields).toEqual(images);
  });

  it.each([
    [
      [40003, 41009, 46004, 50002, 60021, 60111, 92000, 301021],
      ["anchor_userid", "userid"],
    ],
    [
      [40004, 40006, 40007, 40009, 41006, 90405, 90406, 90408, 90409, 90419, 301015],
      ["activity_cover_mediaid", "activity_share_mediaid", "activity_detail.image_list"],
    ],
    [[40056, 41011], ["agentid"]],
    [[40073], ["openid"]],
    [[45004], ["description"]],
    [[50100], ["cursor", "next_key"]],
    [[85002], ["theme", "description", "activity_detail.description"]],
    [[301061], ["anchor_userid", "userid", "openid"]],
  ])("of %j are %j", (codes, fields) => {
    expect(codesWhere((entry) => entry.fields?.join() === fields.join())).toEqual(codes);
  });

  it("are left out where the code could mean any of them", () => {
    for (const errcode of [40035, 40058, 40063, 301063]) expect(lookupErrcode(errcode)?.fields).toBeUndefined();
  });

  it("never stand beside a fault that no field can have", () => {
    const faults = new Set(errcodes.filter((entry) => entry.fields !== undefined).map((entry) => entry.fault));
    expect([...faults].sort()).toEqual(["caller-input", "caller-media", "not-found", "permission"]);
  });
});

describe("codes that WeCom's list does not have", () => {
  it("are marked, and say where they are known from", () => {
    expect(codesWhere((entry) => !entry.isDocumented)).toEqual([43001, 43002, 43003, 44002, 45011, 47001]);
    expect(codesWhere((entry) => entry.source !== undefined)).toEqual(codesWhere((entry) => !entry.isDocumented));
  });
});

describe("what follows from an errcode", () => {
  it("is that the token is fetched again for exactly these", () => {
    expect(codesWhere((entry) => entry.refusesToken === "access_token")).toEqual([40014, 42001]);
    expect(codesWhere((entry) => entry.refusesToken === "suite_access_token")).toEqual([40082, 42009]);
  });

  it("is that nothing is settled by what speaks of the gateway or of the moment", () => {
    const faults = (about: ErrcodeEntry["about"]) =>
      [...new Set(errcodes.filter((entry) => entry.about === about).map(({ fault }) => fault))].sort();
    expect(faults("moment")).toEqual(["concurrency", "rate", "wecom"]);
    expect(faults("gateway")).toEqual(["callback", "credential", "ip", "license", "suite-token", "token"]);
  });
});

describe("what the operator is told to do", () => {
  it.each([
    ["WECOM_CORP_SECRET", [40001, 40091, 41004, 45031]],
    ["WECOM_CORP_ID", [40013, 40091, 41002, 2000002]],
    ["WECOM_ACCESS_TOKEN", [40014, 42001]],
    ["WECOM_SUITE_SECRET", [40080, 40086, 48003, 84005]],
    ["WECOM_SUITE_ID", [40083, 40086, 41021, 48003, 84005]],
    ["/wecom/callback", [40085, 41023, 43012, 85011]],
    ["WECOM_CALLBACK_AES_KEY", [85011]],
    ["WECOM_BASE_URL", [43003, 45011]],
    ["WECOM_MAX_IN_FLIGHT", [45033]],
    ["visible range", [50002, 60011, 60021, 60030, 81013, 92000, 701088]],
    ["belong together", [92002, 92003, 301002, 846000]],
    ["authorisation of the app again", [40077, 40078, 41008]],
    ["authorise the app", [40084, 41025, 48004, 90210]],
    ["seats", [40138, 40139, 90303]],
    ["interface licence", [701008, 701016, 701099]],
    ["outgoing address", [60020, 90308, 301042]],
    ["Enable the app", [40134, 48006, 50003, 50006]],
    ["Report a defect", [41001, 41022, 43001, 43002, 44002, 47001, 84054]],
    ["the living API", [48002]],
  ])("names %s for exactly these", (words, codes) => {
    expect(codesWhere((entry) => entry.operator.includes(words))).toEqual(codes);
  });
});
