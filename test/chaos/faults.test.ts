/**
 * Every way in which WeCom's answer can be spoilt, against every kind of call: a typed answer in time, nothing sent twice,
 * and a process that is none the worse for it (an unhandled rejection would have ended it).
 *
 * CHAOS_ROUNDS: how often each. The long form measures by how much the deadline was passed.
 */
import { describe, expect, it } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { DEMO_CORP, type Simulator, startSimulator } from "../../src/simulator/index.js";
import { Replica } from "../support/replica.js";
import { upstreamFaults } from "../support/upstream-faults.js";
import { isLong, parameter, printTable } from "./parts/form.js";

const rounds = parameter("ROUNDS", { short: 1, long: 10 });
const timeoutMs = 300;
/** The promise, and what the other work on a machine adds when nothing is measured. */
const toleranceMs = isLong ? 250 : 2750;

interface Answer {
  readonly data: Readonly<Record<string, any>> | null;
  readonly errors?: readonly { readonly extensions: { readonly code?: string } }[];
}

interface Operation {
  readonly name: string;
  /** Which of WeCom's calls is spoilt, and how often it may be sent for one request. */
  readonly api: string;
  readonly mostSent: number;
  readonly query: string;
  readonly variables: () => Readonly<Record<string, unknown>>;
  /** Lets the next request need that call. */
  readonly prepare?: (simulator: Simulator) => void;
}

let clicks = 0;
const create = "createLiving(input: $input, idempotencyKey: $key)";
const query = `mutation ($input: LivingInput!, $key: ID) {
  ${create} { __typename ... on CreateLivingSuccess { livingid } ... on LivingError { message } }
}`;
const input = () => ({ anchorUserid: `a${++clicks}`, theme: "theme", livingStart: 4102444800, livingDuration: 60 });
const list = `{ livings(anchorUserid: "zhangsan") { nodes { livingid } } }`;

const operations: readonly Operation[] = [
  {
    name: "create with a key",
    api: "living/create",
    mostSent: 1,
    query,
    variables: () => ({ input: input(), key: `key ${clicks}` }),
  },
  { name: "create without", api: "living/create", mostSent: 1, query, variables: () => ({ input: input() }) },
  {
    name: "read",
    api: "living/get_living_info",
    mostSent: 3,
    query: "query ($livingid: ID!) { living(livingid: $livingid) { theme } }",
    variables: () => ({ livingid: `L${++clicks}` }),
  },
  { name: "list", api: "living/get_user_all_livingid", mostSent: 3, query: list, variables: () => ({}) },
  {
    name: "gettoken",
    api: "gettoken",
    mostSent: 3,
    query: list,
    variables: () => ({}),
    prepare: (simulator) => {
      simulator.invalidateTokens();
    },
  },
];

/** How it must not be answered, or undefined. */
function complaint({ data, errors = [] }: Answer, operation: Operation, simulator: Simulator): string | undefined {
  const code = errors[0]?.extensions.code;
  if (errors.length > 0) return code?.startsWith("LIVING_") === true ? undefined : `code ${code}`;
  if (operation.api !== "living/create") return undefined; // some faults spoil nothing that a read needs
  const { __typename: member, livingid } = data?.["createLiving"] ?? {};
  if (member === "CreateLivingSuccess") {
    return simulator.livings.get(livingid) === undefined ? "told of a living that is not there" : undefined;
  }
  return member === "LivingOutcomeUnknownError" ? undefined : String(member);
}

/** All faults against one operation, `rounds` times. */
async function run(operation: Operation) {
  const dataDir = await mkdtemp(join(tmpdir(), "faults-"));
  await using simulator = await startSimulator({
    corps: [{ corpid: DEMO_CORP.corpid, apps: DEMO_CORP.apps.map((app) => ({ ...app, visibleUserids: "all" })) }],
    tokenLength: 64,
  });
  await using replica = await Replica.start({
    ...{ WECOM_CORP_ID: DEMO_CORP.corpid, WECOM_CORP_SECRET: DEMO_CORP.apps[0].secret, DATA_DIR: dataDir },
    ...{ WECOM_BASE_URL: simulator.url, WECOM_TIMEOUT_MS: String(timeoutMs) },
  });
  const ask = async (): Promise<Answer> => {
    const response = await fetch(`${replica.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: operation.query, variables: operation.variables() }),
    });
    return (await response.json()) as Answer;
  };
  // A circuit that the last fault opened must be closed again, or the next one would never be met.
  const recover = async (): Promise<void> => {
    simulator.faults.clear();
    for (let tries = 0; tries < 200; tries += 1) {
      const { data, errors = [] } = await ask();
      const isRefused = JSON.stringify(data).includes("Error");
      if (!isRefused && errors.every(({ extensions }) => extensions.code !== "LIVING_UNAVAILABLE")) return;
      await pause(50);
    }
    throw new Error(`${operation.name}: no way back after a fault`);
  };

  const complaints: string[] = [];
  let latest = { fault: "", ms: -Infinity };
  let answers = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, fault] of upstreamFaults) {
      let sent = 0;
      let answer: Answer = { data: null };
      // On a busy machine the deadline may pass before anything is sent, and the fault is not met.
      for (let tries = 0; sent === 0 && tries < 10; tries += 1) {
        await recover();
        operation.prepare?.(simulator);
        simulator.forgetRequests();
        simulator.faults.inject({ ...fault, api: operation.api, times: 0 });
        const startedAt = performance.now();
        answer = await ask();
        const ms = performance.now() - startedAt - timeoutMs;
        if (ms > latest.ms) latest = { fault: name, ms };
        answers += 1;
        sent = simulator.requestsTo(operation.api).length;
      }
      const found = complaint(answer, operation, simulator);
      if (found !== undefined) complaints.push(`WeCom ${name}: ${found}`);
      if (sent < 1 || sent > operation.mostSent) complaints.push(`WeCom ${name}: sent ${sent} times`);
    }
  }
  await recover();
  const exitCode = await replica.terminate();
  await rm(dataDir, { recursive: true });
  return { call: operation.name, faults: upstreamFaults.length, answers, complaints, exitCode, latest };
}

describe(`${upstreamFaults.length} faults of WeCom's against each kind of call`, () => {
  it("get a typed answer by the deadline, send no create twice, and leave the process in order", async () => {
    // One after the other where time is measured, all at once where it is not.
    const reports: Awaited<ReturnType<typeof run>>[] = [];
    if (isLong) for (const operation of operations) reports.push(await run(operation));
    else reports.push(...(await Promise.all(operations.map(run))));

    printTable(
      `A typed answer to every fault (deadline ${timeoutMs} ms)`,
      reports.map(({ complaints, latest, exitCode, ...row }) => ({
        ...row,
        complaints: complaints.length,
        "exit code": String(exitCode),
        "latest, after the deadline": `${Math.round(latest.ms)} ms: ${latest.fault}`,
      })),
    );
    for (const { call, complaints, exitCode, latest } of reports) {
      expect({ call, complaints, exitCode }).toEqual({ call, complaints: [], exitCode: 0 });
      expect(latest.ms).toBeLessThan(toleranceMs);
    }
    expect(reports).toHaveLength(5);
  }, 600_000);
});
