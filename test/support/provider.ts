// A provider's app in front of a simulated WeCom that pushes to it: what an administrator does, the tests do.
import { setTimeout as wait } from "node:timers/promises";
import type { SimulatorOptions } from "../../src/simulator/index.js";
import { livingidsQuery } from "./documents.js";
import { type Gateway, startGateway } from "./gateway.js";
import { freePort } from "./ports.js";

export const suiteId = "wwsuite";
export const corps = ["wwcorpa", "wwcorpb"] as const;
const keys = { token: "CANARYtoken", aesKey: "CANARYaesKey".padEnd(43, "x") };
const suiteSecret = "CANARY-suite-secret";

export interface ProviderOptions {
  readonly isCustomised?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly simulator?: Partial<SimulatorOptions>;
  readonly now?: () => number;
  readonly checksCredentials?: true;
}

export interface Provider extends Gateway {
  /** The command URL and its keys, as WeCom has them. */
  readonly command: {
    readonly url: string;
    readonly token: string;
    readonly aesKey: string;
    readonly receiveid: string;
  };
  /** Lets everything that WeCom pushes arrive. */
  readonly settle: () => Promise<void>;
  /** Until so many auth_codes, since the start, have come to that end. */
  readonly untilAuthorised: (count: number, outcome?: string) => Promise<void>;
  /** The corp installs the app from within WeCom. Resolves when its permanent code is stored. */
  readonly install: (corpid: string) => Promise<void>;
  /** What a read for that corp comes to: "ok", or the code of its error. */
  readonly readFor: (corpid: string | undefined) => Promise<string>;
}

export function providerEnv(port: number): Record<string, string> {
  return {
    PORT: String(port),
    WECOM_CORP_ID: "",
    WECOM_CORP_SECRET: "",
    WECOM_SUITE_ID: suiteId,
    WECOM_SUITE_SECRET: suiteSecret,
    WECOM_CALLBACK_TOKEN: keys.token,
    WECOM_CALLBACK_AES_KEY: keys.aesKey,
  };
}

export function providerSimulation(port: number, isCustomised = false): SimulatorOptions {
  const callback = { url: `http://127.0.0.1:${port}/wecom/callback`, ...keys };
  const suite = { suiteId, suiteSecret, agentid: 1000002, commandCallback: callback, dataCallback: callback };
  return { corps: corps.map((corpid) => ({ corpid, apps: [] })), suites: [{ ...suite, isCustomised }] };
}

export async function startProvider(options: ProviderOptions = {}): Promise<Provider> {
  const port = await freePort();
  const gateway = await startGateway({
    env: { ...providerEnv(port), ...options.env },
    simulator: {
      ...providerSimulation(port, options.isCustomised),
      ...(options.now && { now: options.now }),
      ...options.simulator,
    },
    ...(options.now && { now: options.now }),
    ...(options.checksCredentials && { checksCredentials: true }),
  });
  const settle = () => gateway.simulator.callbacks.idle();
  const countOf = async (outcome: string): Promise<number> => {
    const { text } = await gateway.fetch("/metrics");
    return Number(new RegExp(`^wecom_authorisations_total{outcome="${outcome}"} (\\d+)$`, "m").exec(text)?.[1]);
  };
  const untilAuthorised = async (count: number, outcome = "done"): Promise<void> => {
    for (let tries = 0; (await countOf(outcome)) < count; tries += 1) {
      if (tries === 1000) throw new Error(`no ${count} authorisations are ${outcome}`);
      await wait(10);
    }
  };
  return Object.defineProperties(gateway, {
    command: { value: { url: `http://127.0.0.1:${port}/wecom/callback`, ...keys, receiveid: suiteId } },
    settle: { value: settle },
    untilAuthorised: { value: untilAuthorised },
    install: {
      value: async (corpid: string) => {
        const done = await countOf("done");
        gateway.simulator.suites.authorise(suiteId, corpid);
        await settle();
        await untilAuthorised(done + 1);
      },
    },
    readFor: {
      value: async (corpid: string | undefined) => {
        const header = corpid === undefined ? undefined : { "x-wecom-corpid": corpid };
        const { errors } = await gateway.run(livingidsQuery, { anchorUserid: "zhangsan" }, header);
        return errors.length === 0 ? "ok" : String(errors[0]!.extensions["code"]);
      },
    },
  }) as Provider;
}
