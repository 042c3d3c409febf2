/**
 * `node dist/main.js doctor`: examines what the gateway needs from outside, and reports for each check what is wrong
 * and how to fix it. It starts no gateway and changes nothing at WeCom.
 */
import type { Config } from "../config.js";
import type { Finding } from "./finding.js";
import { examineSurroundings } from "./surroundings.js";
import { examineWecom } from "./wecom.js";

const marks = { ok: "ok    ", wrong: "WRONG ", skipped: "-     " } as const;

/**
 * @param readConfig throws a `ConfigurationError`, which is reported first
 *
 * @returns the exit code: 1 if anything is wrong
 */
export async function runDoctor(
  readConfig: () => Config,
  parameters: readonly string[],
  { print, now = Date.now }: { print: (line: string) => void; now?: () => number },
): Promise<0 | 1> {
  const userid = parameters.find((parameter) => parameter.startsWith("--userid="))?.slice("--userid=".length);
  const states = new Set<Finding["state"]>();
  const report = ({ check, state, text }: Finding): void => {
    states.add(state);
    print(`${marks[state]} ${check}: ${text}`);
  };
  try {
    const config = readConfig();
    report({ check: "settings", state: "ok", text: "all are valid" });
    for await (const finding of examineWecom(config, { userid, now })) report(finding);
    for await (const finding of examineSurroundings(config, now)) report(finding);
  } catch (error) {
    report({ check: "settings", state: "wrong", text: error instanceof Error ? error.message : String(error) });
  }
  const isWell = !states.has("wrong");
  print(isWell ? "Nothing is wrong." : "Something is wrong: see above.");
  return isWell ? 0 : 1;
}
