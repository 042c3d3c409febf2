import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { CreateLivingDocument, type LivingInput } from "../../packages/client/src/index.js";
import { createAndReadMutation } from "../support/documents.js";
import { type Gateway, startGateway } from "../support/gateway.js";
import { documentedBody, documentedInput, minimalInput } from "../support/inputs.js";

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.simulator.forgetRequests();
  gateway.simulator.faults.clear();
});

const create = async (input: LivingInput) => {
  const { data, errors } = await gateway.run(CreateLivingDocument, { input });
  expect(errors).toEqual([]);
  return data!.createLiving;
};
const sent = () => gateway.simulator.requestsTo("living/create");

describe("createLiving", () => {
  it("sends WeCom's documented example as it is, and answers with the livingid", async () => {
    const result = await create(documentedInput);

    expect(sent()).toHaveLength(1);
    expect(sent()[0]!.rawBody).toBe(JSON.stringify(documentedBody));
    expect(sent()[0]).toMatchObject({ method: "POST", path: "/cgi-bin/living/create" });
    const livingid: unknown = expect.stringMatching(/^[\w-]{32}$/);
    expect(result).toEqual({ __typename: "CreateLivingSuccess", livingid, living: { livingid } });
  });

  it("sends no field that was left out or is null", async () => {
    await create({ ...minimalInput, description: null, type: null, activityDetail: { imageList: null } });

    expect(sent()[0]!.body).toEqual({
      anchor_userid: "zhangsan",
      theme: "theme",
      living_start: 1600000000,
      living_duration: 3600,
      activity_detail: {},
    });
  });

  it.each([
    ["whole seconds", 4102444800, 4102444800],
    ["an RFC 3339 date-time in UTC", "2100-01-01T00:00:00Z", 4102444800],
    ["one with an offset", "2100-01-01T08:00:00+08:00", 4102444800],
    ["one with fractions of a second, which are cut off", "2100-01-01T00:00:00.999Z", 4102444800],
    ["a time before 1970", "1969-12-31T23:59:59Z", -1],
  ])("sends a start given as %s in whole seconds", async (_, livingStart, expected) => {
    await create({ ...minimalInput, livingStart });

    expect(sent()[0]!.body).toMatchObject({ living_start: expected });
  });

  it.each(["2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", "tomorrow", "1600000000", 1.5, true, ""])(
    "refuses %j as a start, as a wrong type",
    async (livingStart) => {
      const { data, errors } = await gateway.run(CreateLivingDocument, {
        input: { ...minimalInput, livingStart: livingStart as string },
      });

      expect(data).toBeUndefined();
      expect(errors[0]!.extensions["code"]).toBe("BAD_USER_INPUT");
      expect(sent()).toEqual([]);
    },
  );

  it("reads the new living back where its fields are asked for", async () => {
    const { data } = await gateway.run(createAndReadMutation, { input: documentedInput });

    expect(data!.createLiving).toMatchObject({
      __typename: "CreateLivingSuccess",
      living: { theme: "theme", type: "EVENT", reserveStart: 1600000000, anchor: { userid: "zhangsan" } },
    });
    expect(gateway.simulator.requestCounts["living/get_living_info"]).toBe(1);
  });

  it("does not read it where only the livingid is asked for", async () => {
    const { data } = await gateway.run(
      `mutation ($input: LivingInput!) { createLiving(input: $input) {
        ... on CreateLivingSuccess { ...Reserved } } }
       fragment Reserved on CreateLivingSuccess { living { __typename ... on Living { livingid } } }`,
      { input: minimalInput },
    );

    expect(data!["createLiving"].living).toEqual({ __typename: "Living", livingid: expect.any(String) });
    expect(gateway.simulator.requestCounts["living/get_living_info"]).toBeUndefined();
  });

  it("tells the livingid even when the living cannot be read back", async () => {
    gateway.simulator.faults.inject({ kind: "errcode", api: "living/get_living_info", errcode: 48002, times: 0 });

    const { data, errors } = await gateway.run(createAndReadMutation, { input: minimalInput });

    expect(data!.createLiving).toMatchObject({ livingid: expect.any(String), living: { theme: null } });
    expect(errors[0]).toMatchObject({
      path: ["createLiving", "living", "theme"],
      extensions: { code: "LIVING_PERMISSION", errcode: 48002 },
    });
  });
});

describe("createLiving with an input that WeCom documents as wrong", () => {
  const violation = async (wrong: object) => {
    const result = await create({ ...minimalInput, ...wrong });
    expect(sent()).toEqual([]);
    if (result.__typename !== "LivingInputError")
      throw new Error(`expected LivingInputError, got ${result.__typename}`);
    expect(result).toMatchObject({ retryable: false, errcode: null });
    for (const { message, constraint } of result.fields) {
      expect(message).not.toBe("");
      expect(constraint).not.toBe("");
    }
    return result.fields.map(({ path }) => path);
  };

  it.each<[string, object, string]>([
    ["an empty theme", { theme: "" }, "theme"],
    ["a theme of 21 characters", { theme: "直".repeat(21) }, "theme"],
    ["a theme of 21 emoji", { theme: "🎬".repeat(21) }, "theme"],
    ["a theme with a lone surrogate", { theme: "\ud800" }, "theme"],
    ["a theme with a control character", { theme: "a\u0000b" }, "theme"],
    ["a description of 101 characters", { description: "播".repeat(101) }, "description"],
    ["a description with a lone surrogate", { description: "\udc00" }, "description"],
    ["no userid", { anchorUserid: "" }, "anchorUserid"],
    ["a userid of 65 characters", { anchorUserid: "u".repeat(65) }, "anchorUserid"],
    ["a duration of 0", { livingDuration: 0 }, "livingDuration"],
    ["a negative duration", { livingDuration: -3600 }, "livingDuration"],
    ["a negative reminder", { remindTime: -1 }, "remindTime"],
    ["a sixth image", { activityDetail: { imageList: ["1", "2", "3", "4", "5", "6"] } }, "activityDetail.imageList"],
    ["an image with a lone surrogate", { activityDetail: { imageList: ["\ud800"] } }, "activityDetail.imageList"],
    ["a detail with a lone surrogate", { activityDetail: { description: "\ud800" } }, "activityDetail.description"],
    ["a cover with a lone surrogate", { activityCoverMediaid: "\ud800" }, "activityCoverMediaid"],
    ["a share card with a lone surrogate", { activityShareMediaid: "\ud800" }, "activityShareMediaid"],
  ])("refuses %s before anything is sent", async (_, wrong, path) => {
    expect(await violation(wrong)).toEqual([path]);
  });

  it("tells every violation at once", async () => {
    const paths = await violation({
      anchorUserid: "",
      theme: "",
      livingDuration: 0,
      remindTime: -1,
      activityDetail: { description: "\ud800", imageList: ["1", "2", "3", "4", "5", "6"] },
    });

    expect(paths.sort()).toEqual([
      "activityDetail.description",
      "activityDetail.imageList",
      "anchorUserid",
      "livingDuration",
      "remindTime",
      "theme",
    ]);
  });

  it.each([
    ["above int32", { agentid: 2 ** 31 }],
    ["below int32", { agentid: -(2 ** 31) - 1 }],
    ["that is no integer", { agentid: 1.5 }],
  ])("leaves an agentid %s to GraphQL, as a wrong type of any other field", async (_, wrong) => {
    const { data, errors } = await gateway.run(CreateLivingDocument, { input: { ...minimalInput, ...wrong } });

    expect(data).toBeUndefined();
    expect(errors[0]!.extensions["code"]).toBe("BAD_USER_INPUT");
    expect(errors[0]!.message).toContain("input.agentid");
    expect(sent()).toHaveLength(0);
  });

  it("never repeats the value that was given", async () => {
    const { data } = await gateway.run(CreateLivingDocument, {
      input: { ...minimalInput, theme: "SECRETTHEME".repeat(3), description: "SECRETTHEME".repeat(20) },
    });

    expect(JSON.stringify(data)).not.toContain("SECRETTHEME");
  });
});

describe("createLiving with an input that is merely unlikely", () => {
  it.each<[string, object]>([
    ["20 Chinese characters as theme", { theme: "直".repeat(20) }],
    ["20 emoji as theme", { theme: "🎬".repeat(20) }],
    ["a theme of spaces", { theme: "   " }],
    ["a description of 100 characters on an event", { type: "EVENT", description: "播".repeat(100) }],
    ["line breaks and tabs", { description: "one\r\n\ttwo" }],
    ["a userid of 64 characters", { anchorUserid: "u".repeat(64) }],
    ["a duration of 1 second", { livingDuration: 1 }],
    ["a duration of 68 years", { livingDuration: 2 ** 31 - 1 }],
    ["an agentid at the end of int32", { agentid: 2 ** 31 - 1 }],
    ["event fields on a general living", { type: "GENERAL", activityCoverMediaid: "M" }],
    ["five images", { activityDetail: { imageList: ["1", "2", "3", "4", "5"] } }],
  ])("passes %s", async (_, unlikely) => {
    expect((await create({ ...minimalInput, ...unlikely })).__typename).toBe("CreateLivingSuccess");
    expect(sent()).toHaveLength(1);
  });
});
