// modifyLiving, cancelLiving and deleteLivingReplay when WeCom's answer is lost: doing them twice is doing them once.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import {
  CancelLivingDocument,
  DeleteLivingReplayDocument,
  ModifyLivingDocument,
} from "../../packages/client/src/index.js";
import { corpid, type Gateway, startGateway } from "../support/gateway.js";
import { booking } from "../support/inputs.js";

let gateway: Gateway;
let livingid: string;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.simulator.faults.clear();
  gateway.simulator.forgetRequests();
  ({ livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking));
});

const cancelVia = async (via: Gateway) => (await via.run(CancelLivingDocument, { livingid })).data!.cancelLiving;
const cancel = () => cancelVia(gateway);
const modify = async (input: { theme?: string; remindTime?: number }) =>
  (await gateway.run(ModifyLivingDocument, { livingid, input })).data!.modifyLiving;
const deleteReplay = async () => (await gateway.run(DeleteLivingReplayDocument, { livingid })).data!.deleteLivingReplay;
const sent = (api: string) => gateway.simulator.requestsTo(`living/${api}`).length;

describe("cancelLiving, when the answer is lost", () => {
  const lost = { kind: "drop", api: "living/cancel" } as const;

  it("sees by the living that it is cancelled", async () => {
    gateway.simulator.faults.inject({ ...lost, effect: "applied" });

    expect(await cancel()).toMatchObject({ __typename: "CancelLivingSuccess", living: { status: "CANCELLED" } });
    expect(sent("cancel")).toBe(1);
  });

  it("sends it again when it is not", async () => {
    gateway.simulator.faults.inject(lost);

    expect(await cancel()).toMatchObject({ __typename: "CancelLivingSuccess", living: { status: "CANCELLED" } });
    expect(sent("cancel")).toBe(2);
  });

  it("takes 92006 to a repeat for the success of the first, when the living is cancelled", async () => {
    gateway.simulator.faults.inject({ kind: "errcode", errcode: -1, effect: "applied", api: "living/cancel" });
    gateway.simulator.faults.inject({ kind: "errcode", errcode: 60020, api: "living/get_living_info" });

    expect(await cancel()).toMatchObject({ __typename: "CancelLivingSuccess" });
    expect(gateway.simulator.requestsTo("living/cancel").map(({ errcode }) => errcode)).toEqual([-1, 92006]);
  });

  it("tells that it has started, when it has", async () => {
    gateway.simulator.faults.inject(lost);
    gateway.simulator.livings.start(livingid);

    expect(await cancel()).toMatchObject({ __typename: "LivingStateError", errcode: 92006 });
  });

  it("tells that the outcome is unknown, when no repeat is answered either", async () => {
    await using deaf = await startGateway({ env: { WECOM_TIMEOUT_MS: "600" } });
    ({ livingid } = deaf.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking));
    deaf.simulator.faults.inject({ kind: "hang", api: "living/cancel", times: 0 });

    expect(await cancelVia(deaf)).toMatchObject({ __typename: "LivingOutcomeUnknownError", retryable: false });
    expect(deaf.simulator.requestsTo("living/cancel").length).toBeGreaterThan(1);
  });

  it("repeats it twice at most, however much time is left", async () => {
    gateway.simulator.faults.inject({ ...lost, times: 0 });

    expect(await cancel()).toMatchObject({ __typename: "LivingOutcomeUnknownError", retryable: false });
    expect(sent("cancel")).toBe(3);
  });

  it("does not repeat what WeCom has refused", async () => {
    gateway.simulator.faults.inject({ kind: "errcode", errcode: 92008, api: "living/cancel" });

    expect(await cancel()).toMatchObject({ __typename: "LivingPermissionError" });
    expect([sent("cancel"), sent("get_living_info")]).toEqual([1, 0]);
  });
});

describe("modifyLiving, when the answer is lost", () => {
  it("sees by the living that it is changed", async () => {
    gateway.simulator.faults.inject({ kind: "drop", effect: "applied", api: "living/modify" });

    expect(await modify({ theme: "after" })).toMatchObject({ living: { theme: "after" } });
    expect(sent("modify")).toBe(1);
  });

  it.each([{ theme: "after" }, { remindTime: 60 }])("sends it again when %j is not to be seen there", async (input) => {
    gateway.simulator.faults.inject({ kind: "drop", api: "living/modify" });

    expect(await modify(input)).toMatchObject({ __typename: "ModifyLivingSuccess" });
    expect(sent("modify")).toBe(2);
  });
});

describe("deleteLivingReplay, when the answer is lost", () => {
  it("sees by the living that it is deleted, or sends it again", async () => {
    for (const [effect, expected] of [
      ["applied", 1],
      ["none", 2],
    ] as const) {
      ({ livingid } = gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking));
      gateway.simulator.livings.start(livingid);
      gateway.simulator.livings.end(livingid, "ready");
      gateway.simulator.forgetRequests();
      gateway.simulator.faults.inject({ kind: "drop", effect, api: "living/delete_replay_data" });

      expect(await deleteReplay()).toMatchObject({ living: { replayStatus: "DELETED" } });
      expect(sent("delete_replay_data")).toBe(expected);
    }
  });
});
