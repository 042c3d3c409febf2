/** A frontend with Relay: its compiler reads the schema of packages/client, and the gateway answers what it compiled. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { corpid, type Gateway, startGateway } from "../../../support/gateway.js";
import { booking, minimalInput } from "../../../support/inputs.js";
import { checkout } from "../../../support/running.js";

const compiler = join(import.meta.dirname, "node_modules/relay-compiler/cli.js");
const app = mkdtempSync(join(tmpdir(), "relay-"));

const livings = `
import { graphql } from "react-relay";

export const list = graphql\`
  query livingsQuery($anchorUserid: ID!) {
    ...livings_list @arguments(anchorUserid: $anchorUserid)
  }
\`;

export const page = graphql\`
  fragment livings_list on Query
  @refetchable(queryName: "livingsPageQuery")
  @argumentDefinitions(anchorUserid: { type: "ID!" }, first: { type: "Int", defaultValue: 2 }, after: { type: "String" }) {
    livings(anchorUserid: $anchorUserid, first: $first, after: $after) @connection(key: "livings_list_livings") {
      edges {
        node {
          livingid
          status
          viewers(first: 20) {
            edges {
              node {
                watchTime
                ... on LivingMemberViewer { user { userid } }
              }
            }
          }
        }
      }
    }
  }
\`;

export const create = graphql\`
  mutation livingsCreateMutation($input: LivingInput!, $idempotencyKey: ID) {
    createLiving(input: $input, idempotencyKey: $idempotencyKey) {
      __typename
      ... on CreateLivingSuccess { livingid }
      ... on LivingError { message retryable }
      ... on LivingInputError { fields { path constraint } }
    }
  }
\`;

export const changes = graphql\`
  subscription livingsChangesSubscription($anchorUserid: ID) {
    livingStatusChanged(anchorUserid: $anchorUserid) { status living { livingid status } }
  }
\`;
`;

let gateway: Gateway;
beforeAll(async () => {
  if (!existsSync(compiler)) execFileSync("npm", ["ci"], { cwd: import.meta.dirname, stdio: "ignore" });
  mkdirSync(join(app, "src"));
  cpSync(join(checkout, "schema.api.graphql"), join(app, "schema.graphql"));
  const config = { src: "./src", schema: "./schema.graphql", language: "typescript", eagerEsModules: true };
  writeFileSync(
    join(app, "relay.config.json"),
    JSON.stringify({ ...config, customScalarTypes: { UnixTime: "number" } }),
  );
  gateway = await startGateway();
}, 400_000);
afterAll(async () => {
  await gateway.close();
  rmSync(app, { recursive: true });
});

function compile(source: string): { status: number | null; output: string } {
  writeFileSync(join(app, "src/livings.ts"), source);
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler], { cwd: app, encoding: "utf8" });
  return { status, output: stdout + stderr };
}
const artifact = (name: string): string => readFileSync(join(app, `src/__generated__/${name}.graphql.ts`), "utf8");
/** What Relay sends for an operation. */
const textOf = (name: string): string => JSON.parse(/"text": (".*")/.exec(artifact(name))![1]!) as string;

describe("Relay's compiler", () => {
  it("compiles lists, mutations and subscriptions, with the types that they have", () => {
    const { status, output } = compile(livings);

    expect([status, output]).toEqual([0, expect.stringContaining("Compilation completed")]);
    expect(artifact("livings_list")).toContain(
      'LivingStatus = "CANCELLED" | "ENDED" | "EXPIRED" | "LIVE" | "RESERVED"',
    );
    expect(artifact("livingsChangesSubscription")).toContain("readonly livingStatusChanged: {");
  });

  it("compiles pages that the gateway answers, one behind the other", async () => {
    for (let count = 0; count < 3; count += 1) gateway.simulator.livings.reserve({ corpid, agentid: 1000014 }, booking);
    const first = await gateway.run(textOf("livingsQuery"), { anchorUserid: "zhangsan" });
    const { endCursor, hasNextPage } = first.data!["livings"].pageInfo;
    const variables = { anchorUserid: "zhangsan", first: 2, after: endCursor };
    const second = await gateway.run(textOf("livingsPageQuery"), variables);

    expect([first.errors, second.errors, hasNextPage]).toEqual([[], [], true]);
    const edges = [first, second].flatMap(({ data }) => data!["livings"].edges as { node: { livingid: string } }[]);
    const livingids = edges.map(({ node }) => node.livingid);
    expect(new Set(livingids).size).toBe(3);
  });

  it("compiles a create that the gateway answers", async () => {
    const { data } = await gateway.run(textOf("livingsCreateMutation"), { input: minimalInput });

    expect(data).toEqual({ createLiving: { __typename: "CreateLivingSuccess", livingid: expect.any(String) } });
  });

  it("refuses a field that the schema does not have", () => {
    const { status, output } = compile(livings.replace("watchTime", "watchedFor"));

    expect(status).not.toBe(0);
    expect(output).toContain("watchedFor");
  });
});
