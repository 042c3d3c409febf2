import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { errcodes } from "../../src/wecom/errcodes.js";
import { CreateLivingDocument } from "../../packages/client/src/index.js";
import { type Gateway, startGateway } from "../support/gateway.js";
import { documentedInput } from "../support/inputs.js";

/** Which member the codes of each group lead to; -1 and the codes that no documentation lists stand apart below. */
const members: Record<string, readonly number[]> = {
  LivingInputError: [40003, 40033, 40035, 40056, 40058, 40063, 41009, 85002, 301021, 40007, 40123, 45001, 301015],
  LivingNotFoundError: [46004, 60111, 60136, 60003],
  LivingPermissionError: [48001, 48002, 60011, 60021, 92000, 92008, 301002, 846000],
  LivingRateLimitError: [45009, 45033],
  LivingUnavailableError: [6000, 81026],
  LivingConfigurationError: [40001, 40013, 40091, 41001, 40082, 42009, 40085, 60020, 301042, 40136, 701099, 48004],
  LivingWecomError: [48005, 45029, 92006, 987654],
};

let gateway: Gateway;
let isClosed = false;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

/** After these WeCom is not called for a while: what comes next has another gateway. */
const closing = [45009, 45033];

const createAgainst = async (errcode: number, errmsg = "some words") => {
  if (isClosed) {
    await gateway.close();
    gateway = await startGateway();
  }
  isClosed = closing.includes(errcode);
  gateway.simulator.forgetRequests();
  gateway.simulator.faults.clear();
  gateway.simulator.faults.inject({
    kind: "errcode",
    api: "living/create",
    errcode,
    errmsg: `${errmsg}, hint: [1700000000_7_abc], from ip: 203.0.113.77, more info at https://open.work.weixin.qq.com/devtool/query?e=${errcode}`,
    times: 0,
  });
  const { data, errors } = await gateway.run(CreateLivingDocument, { input: documentedInput });
  expect(errors).toEqual([]);
  return data!.createLiving;
};

describe("An errcode that WeCom answers to createLiving", () => {
  it.each(Object.entries(members).flatMap(([name, codes]) => codes.map((code) => [code, name] as const)))(
    "%i becomes a %s",
    async (errcode, name) => {
      expect(await createAgainst(errcode)).toMatchObject({ __typename: name, errcode });
      expect(gateway.simulator.requestsTo("living/create")).toHaveLength(1);
    },
  );

  it("is one of the union's members, whichever of the table it is", async () => {
    for (const { errcode } of errcodes) {
      if (errcode === 0) continue;
      const result = await createAgainst(errcode);
      expect(result).toMatchObject({ errcode, message: expect.stringMatching(/\w/) });
    }
  });

  it("blames the fields that it can blame, by their path in the input", async () => {
    const paths = async (errcode: number) => {
      const result = await createAgainst(errcode);
      return result.__typename === "LivingInputError"
        ? result.fields.map(({ path }) => path).sort()
        : result.__typename;
    };

    expect(await paths(40003)).toEqual(["anchorUserid"]);
    expect(await paths(40056)).toEqual(["agentid"]);
    expect(await paths(40007)).toEqual(["activityCoverMediaid", "activityDetail.imageList", "activityShareMediaid"]);
  });

  it("says when to come back after 45009 and 45033", async () => {
    expect(await createAgainst(45009)).toMatchObject({ retryable: true, retryAfterSeconds: 60 });
    expect(await createAgainst(45033)).toMatchObject({ retryable: true, retryAfterSeconds: 1 });
  });

  it("shows WeCom's words without the hint, the address and the link behind them", async () => {
    expect(await createAgainst(987654, "brand new words")).toMatchObject({
      errmsg: "brand new words",
      docsUrl: "https://open.work.weixin.qq.com/devtool/query?e=987654",
    });
    expect(await createAgainst(987654, "blocked 203.0.113.77 and 2001:db8::7")).toMatchObject({
      errmsg: "blocked [address] and [address]",
    });
  });

  it("keeps WeCom's hint in the log, for its support asks for it", async () => {
    await createAgainst(987654);

    expect(gateway.logs).toContainEqual(
      expect.objectContaining({ msg: "call to WeCom failed", errcode: 987654, hint: "1700000000_7_abc" }),
    );
  });

  it("does not repeat a token that WeCom puts into its words", async () => {
    await createAgainst(987654);
    const token = gateway.simulator.requestsTo("living/create")[0]!.query["access_token"]!;

    expect(await createAgainst(987654, `bad token ${token}`)).toMatchObject({ errmsg: "bad token [secret]" });
  });
});
