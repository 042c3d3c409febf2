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
