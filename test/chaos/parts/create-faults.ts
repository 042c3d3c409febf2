// Everything that can happen to a create on its way, each with the same small probability.
import type { Fault } from "../../../src/simulator/index.js";

/** Late effects come while the gateway still waits for them: within the settling time, minus what a busy machine adds. */
const late = (lateMs: number) => ({ lateMs });

/** At most this long after the call came in does one of the faults below take effect. */
export const latestEffectMs = 400;

type Kind = Fault extends infer Each
  ? Each extends Fault
    ? Omit<Each, "api" | "times" | "probability">
    : never
  : never;

const kinds = (timeoutMs: number): readonly Kind[] => [
  ...([undefined, "applied", late(50), late(300), late(latestEffectMs)] as const).flatMap((effect): readonly Kind[] => {
    const taking = effect === undefined ? {} : { effect };
    return [
      { kind: "drop", ...taking },
      { kind: "hang", ...taking },
      { kind: "http", status: 502, ...taking },
      { kind: "errcode", errcode: -1, errmsg: "system busy", ...taking },
    ];
  }),
  { kind: "drop", delayMs: timeoutMs / 3, effect: "applied" },
  { kind: "delay", delayMs: timeoutMs / 3 },
  { kind: "delay", delayMs: timeoutMs * 2 },
  { kind: "http", status: 503, body: '{"errcode":40003,"errmsg":"x"}' },
  { kind: "http", status: 200, body: "<html>login</html>", effect: "applied" },
  { kind: "truncated-json" },
  { kind: "truncated-json", isCut: true },
  { kind: "truncated-json", isCut: true, effect: late(300) },
  { kind: "empty-body" },
  { kind: "headers-only" },
  { kind: "trickle", byteIntervalMs: 1 },
  { kind: "trickle", byteIntervalMs: 50 },
  { kind: "missing-fields", fields: ["livingid"] },
  { kind: "string-errcode" },
  { kind: "warned-success" },
  { kind: "warned-success", effect: "none" },
  { kind: "errcode", errcode: 42001 },
  { kind: "errcode", errcode: 40014 },
];

/** What WeCom says with certainty: such a click is refused, and must stay so. */
const refusal = { kind: "errcode", errcode: 48002 } as const;

/**
 * @param share of the creates that shall be hit
 * @param timeoutMs the gateway's
 */
export function createFaults(share: number, timeoutMs: number): Fault[] {
  const all = [...kinds(timeoutMs), refusal];
  // Each is drawn by itself, the first that strikes counts: together they hit 1 - (1 - p)^n.
  const probability = 1 - (1 - share) ** (1 / all.length);
  return all.map((kind) => ({ ...kind, api: "living/create", times: 0, probability }));
}

/** The calls by which a gateway looks for what became of a create, and its tokens, fail at times too. */
export function otherFaults(probability: number): Fault[] {
  const kinds = [{ kind: "drop" }, { kind: "http", status: 502 }, { kind: "errcode", errcode: -1 }] as const;
  const apis = ["living/get_user_all_livingid", "living/get_living_info", "gettoken"];
  return apis.flatMap((api) => kinds.map((kind) => ({ ...kind, api, times: 0, probability })));
}
