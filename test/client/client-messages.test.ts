/** The sentences of packages/client, for every error and every rule that the gateway has. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  CreateLivingDocument,
  introspection,
  type LivingInput,
  livingErrorMessage,
  ModifyLivingDocument,
  violationMessage,
} from "../../packages/client/src/index.js";
import { type Gateway, startGateway } from "../support/gateway.js";
import { minimalInput } from "../support/inputs.js";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

const sentences = /^[^\n]{2,90}[.。)]$/;

describe("livingErrorMessage", () => {
  it.each(introspection.possibleTypes.LivingError)("has a sentence for %s, in English and in Chinese", (__typename) => {
    expect(livingErrorMessage({ __typename }, "en")).toMatch(/^[\x20-\x7e]+\.$/);
    expect(livingErrorMessage({ __typename }, "zh")).toMatch(/^[\p{Script=Han}，。、]+。$/u);
    expect(livingErrorMessage({ __typename })).not.toBe("Something went wrong.");
  });

  it("names the errcode where it knows no more, and only there", () => {
    expect(livingErrorMessage({ __typename: "LivingWecomError", errcode: 40099 })).toBe(
      "WeCom refused this. (errcode 40099)",
    );
    expect(livingErrorMessage({ __typename: "LivingWecomError", errcode: 40099 }, "zh")).toBe(
      "企业微信拒绝了此操作。（错误码 40099）",
    );
    expect(livingErrorMessage({ __typename: "LivingRateLimitError", errcode: 45009 })).not.toContain("45009");
  });

  it("has a sentence for a member that a newer gateway adds", () => {
    expect(livingErrorMessage({ __typename: "LivingNewError", errcode: 7 })).toBe("Something went wrong. (errcode 7)");
  });
});

describe("violationMessage", () => {
  const create = async (input: Partial<LivingInput>, idempotencyKey?: string, headers = {}) => {
    const variables = { input: { ...minimalInput, ...input }, ...(idempotencyKey !== undefined && { idempotencyKey }) };
    const { data } = await gateway.run(CreateLivingDocument, variables, headers);
    return violationsIn(data!.createLiving);
  };
  const violationsIn = (result: { __typename: string }) => {
    const { fields } = result as {
      __typename: string;
      fields?: { path: string; message: string; constraint: string }[];
    };
    return fields!.map((violation) => [
      violation.path,
      violationMessage(violation, "en"),
      violationMessage(violation, "zh"),
    ]);
  };

  it("says each rule in both languages, with the gateway's own numbers", async () => {
    const images = { imageList: ["1", "2", "3", "4", "5", "6"] };
    expect(
      await create({
        theme: "",
        livingDuration: 0,
        description: "长".repeat(101),
        remindTime: -1,
        activityDetail: images,
      }),
    ).toEqual([
      ["theme", "1 to 20 characters.", "请输入 1 至 20 个字。"],
      ["livingDuration", "At least 1.", "不能小于 1。"],
      ["description", "At most 100 characters.", "最多 100 个字。"],
      ["remindTime", "At least 0.", "不能小于 0。"],
      ["activityDetail.imageList", "At most 5.", "最多 5 个。"],
    ]);
    expect(await create({ theme: "\u0001" })).toEqual([
      ["theme", "Contains a character that WeCom does not accept.", "包含企业微信不支持的字符。"],
    ]);
    const { data } = await gateway.run(ModifyLivingDocument, { livingid: "x", input: { theme: "长".repeat(21) } });
    expect(violationsIn(data!.modifyLiving)).toEqual([
      ["theme", "At most 60 bytes.", "最多 60 字节（一个汉字占 3 字节）。"],
    ]);
  });

  it("says the rules of keys", async () => {
    await gateway.run(CreateLivingDocument, { input: minimalInput, idempotencyKey: "used" });
    expect(await create({ theme: "other" }, "used")).toEqual([
      ["idempotencyKey", expect.stringMatching(/open a new form/), expect.stringMatching(/重新打开表单/)],
    ]);
    expect(await create({}, "one", { "idempotency-key": "two" })).toEqual([
      ["idempotencyKey", "Two different keys were sent.", "提交了两个不同的幂等键。"],
    ]);
  });

  it("names the errcode of what WeCom refuses", () => {
    const violation = { path: "theme", constraint: "errcode40007", message: "invalid media_id" };
    expect(violationMessage(violation)).toBe("WeCom does not accept this (errcode 40007).");
    expect(violationMessage(violation, "zh")).toBe("企业微信不接受此值（错误码 40007）。");
  });

  it("gives the gateway's own words for a rule that is newer than it", () => {
    expect(violationMessage({ path: "a", constraint: "isNew", message: "a must be new" }, "zh")).toBe("a must be new");
  });

  it("knows every rule that the gateway's code names", async () => {
    const { readdirSync, readFileSync } = await import("node:fs");
    const folder = new URL("../../src/living/", import.meta.url);
    const code = readdirSync(folder)
      .map((name) => readFileSync(new URL(name, folder), "utf8"))
      .join("\n");
    const errors = readFileSync(new URL("../../src/errors.ts", import.meta.url), "utf8");
    const named = [
      ...(code + errors).matchAll(/constraint: "(\w+)"|name: "((?:has|is)\w+)"|violated\([^)]*, "(\w+)"\)/g),
    ].map(([, ...names]) => names.join(""));
    expect(new Set(named).size).toBeGreaterThan(4);
    for (const constraint of named) {
      expect(violationMessage({ path: "p", constraint, message: "untranslated 1" }, "zh")).toMatch(sentences);
      expect(violationMessage({ path: "p", constraint, message: "untranslated 1" }, "zh")).not.toContain(
        "untranslated",
      );
    }
  });
});
