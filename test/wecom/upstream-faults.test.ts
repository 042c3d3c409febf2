import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { CreateLivingDocument, ReadLivingDocument } from "../../packages/client/src/index.js";
import { livingidsQuery } from "../support/documents.js";
import { type Gateway, startGateway } from "../support/gateway.js";
import { minimalInput } from "../support/inputs.js";
import { upstreamFaults } from "../support/upstream-faults.js";

const timeoutMs = 600;

/** What the contract adds to the deadline for the answer itself, and a machine that is busy with other tests. */
const toleranceMs = 250 + 2500;

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ env: { WECOM_TIMEOUT_MS: String(timeoutMs) } });
  // The first of all takes longer than the others.
  await gateway.run(CreateLivingDocument, { input: minimalInput });
});
afterAll(() => gateway.close());
beforeEach(async () => {
  gateway.simulator.faults.clear();
  await gateway.run(livingidsQuery, { anchorUserid: "warm" });
  gateway.simulator.forgetRequests();
});

const create = async () => {
  const startedAt = performance.now();
  const { data, errors } = await gateway.run(CreateLivingDocument, { input: minimalInput });
  expect(performance.now() - startedAt).toBeLessThan(timeoutMs + toleranceMs);
  expect(errors).toEqual([]);
  return data!.createLiving;
};

describe("createLiving, when WeCom", () => {
  it.each(upstreamFaults)(
    "%s, has sent one create, and finds its living or tells that the outcome is unknown",
    async (_, fault) => {
      gateway.simulator.livings.clear();
      gateway.simulator.faults.inject({ ...fault, api: "living/create", times: 0 });

      const result = await create();

      expect(gateway.simulator.requestsTo("living/create")).toHaveLength(1);
      if (result.__typename === "CreateLivingSuccess") {
        expect(gateway.simulator.livings.all()).toMatchObject([{ livingid: result.livingid }]);
        return;
      }
      expect(result).toMatchObject({ __typename: "LivingOutcomeUnknownError", retryable: false });
      expect(result).toHaveProperty("howToFindOut", expect.stringMatching(/\w/));
    },
  );

  it("is unreachable, tells that nothing was changed", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => closed.once("listening", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await using unreachable = await startGateway({ upstreamUrl: `http://127.0.0.1:${port}` });

    const { data } = await unreachable.run(CreateLivingDocument, { input: minimalInput });

    expect(data!.createLiving).toMatchObject({ __typename: "LivingUnavailableError", retryable: true });
  });

  it("resets the connection as soon as the request is written, tells that the outcome is unknown", async () => {
    let creates = 0;
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        if (chunk.includes("living/create")) creates += 1;
        socket.resetAndDestroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const broken = await startGateway({
      upstreamUrl: `http://127.0.0.1:${port}`,
      env: { WECOM_CORP_ID: "", WECOM_CORP_SECRET: "", WECOM_ACCESS_TOKEN: "CANARY-token", WECOM_TIMEOUT_MS: "600" },
    });

    const { data } = await broken.run(CreateLivingDocument, { input: minimalInput });
    await broken.close();
    server.close();

    expect(data!.createLiving).toMatchObject({ __typename: "LivingOutcomeUnknownError" });
    expect(creates).toBe(1);
  });

  it("hands out no token, tells that nothing was changed, and sends no create", async () => {
    for (const fault of [{ kind: "hang" }, { kind: "drop" }, { kind: "http", status: 502 }] as const) {
      await using tokenless = await startGateway({ env: { WECOM_TIMEOUT_MS: "200" } });
      tokenless.simulator.faults.inject({ ...fault, api: "gettoken", times: 0 });

      const { data } = await tokenless.run(CreateLivingDocument, { input: minimalInput });

      expect(data!.createLiving).toMatchObject({ __typename: "LivingUnavailableError", retryable: true });
      expect(tokenless.simulator.requestsTo("living/create")).toEqual([]);
    }
  });
});

describe("A read, when WeCom", () => {
  it.each(upstreamFaults.filter(([name]) => !/acted|warned|livingid/.test(name)))(
    "%s, is null with a coded error within the deadline",
    async (_, fault) => {
      gateway.simulator.faults.inject({ ...fault, api: "living/get_living_info", times: 0 });
      const startedAt = performance.now();

      const { data, errors } = await gateway.run(ReadLivingDocument, { livingid: "any" });

      expect(performance.now() - startedAt).toBeLessThan(timeoutMs + toleranceMs);
      expect(data).toEqual({ living: null });
      expect(errors).toHaveLength(1);
      expect(errors[0]!.extensions).toMatchObject({ retryable: true, code: "LIVING_UNAVAILABLE" });
    },
  );
});

describe("Many calls at once", () => {
  it("wait for their turn, and give up at the deadline without having been sent", async () => {
    await using small = await startGateway({ env: { WECOM_MAX_IN_FLIGHT: "2", WECOM_TIMEOUT_MS: "2000" } });
    await small.run(livingidsQuery, { anchorUserid: "warm" });
    small.simulator.faults.inject({ kind: "hang", api: "living/create", times: 0 });

    const results = await Promise.all(
      Array.from({ length: 5 }, () => small.run(CreateLivingDocument, { input: minimalInput })),
    );

    const members = results.map(({ data }) => data!.createLiving.__typename).sort();
    expect(members.filter((name) => name === "LivingOutcomeUnknownError")).toHaveLength(2);
    expect(members.filter((name) => name === "LivingUnavailableError")).toHaveLength(3);
    expect(small.simulator.requestsTo("living/create")).toHaveLength(2);
  });
});
