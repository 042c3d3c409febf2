// Sequences that broke the rules once, each as a plan: what was seen, and what of it is left when nothing is in it that is
// not needed.
import type { Plan } from "./plan.js";

const usual = { seed: 1, replicas: 1, spelling: "as-given", fates: [], happenings: [], abandoned: [] } as const;
const ask = (atMs: number, key: number | undefined, replica = 0) => ({ atMs, key, replica });
const lost = { kind: "lost", how: "reset", effect: "none", share: 0.5 } as const;
const slow = (answerMs: number) => ({ kind: "ok", answerMs }) as const;

export const scenarios: Readonly<Record<string, Plan>> = {
  "the store is emptied while WeCom works, and the answer is lost": {
    ...usual,
    asks: [ask(0, 0)],
    fates: [{ ...lost, how: "hang" }],
    happenings: [{ kind: "store-emptied", atMs: 500 }],
  },
  "the store is emptied while WeCom works, and another replica is asked": {
    ...usual,
    replicas: 2,
    asks: [ask(0, 0), ask(600, 0, 1)],
    fates: [slow(1000)],
    happenings: [{ kind: "store-emptied", atMs: 500 }],
  },
  "the store is back at an older state while WeCom works": {
    ...usual,
    asks: [ask(700, 0)],
    fates: [slow(900)],
    happenings: [{ kind: "store-rolled-back", toMs: 650, atMs: 800, clockBackMs: 0 }],
  },
  "WeCom tells a userid in lower case": {
    ...usual,
    spelling: "lower",
    asks: [ask(0, 0)],
    fates: [{ ...lost, effect: "at-once" }],
  },
  "the store cannot be asked during a look": {
    ...usual,
    replicas: 2,
    asks: [ask(0, 0), ask(300, 1, 1)],
    fates: [slow(5), lost],
    happenings: [{ kind: "store-away", atMs: 315, forMs: 400, isRefusing: true }],
  },
  "an answer cannot be written down, and the process dies": {
    ...usual,
    replicas: 2,
    asks: [ask(0, 0), ask(1300, 1, 1)],
    fates: [slow(400), lost],
    happenings: [
      { kind: "store-away", atMs: 210, forMs: 400, isRefusing: true },
      { kind: "kill", atMs: 1250, replica: 0 },
      { kind: "restart", atMs: 1300, replica: 0 },
    ],
  },
  "a create without a key is under way in another replica": {
    ...usual,
    replicas: 2,
    asks: [ask(0, undefined), ask(50, 0, 1)],
    fates: [slow(900), lost],
  },
  "the anchor is deleted": {
    ...usual,
    asks: [ask(0, 0)],
    fates: [lost],
    happenings: [{ kind: "anchor-deleted", atMs: 5 }],
  },
  "a user cancels the living before it is found": {
    ...usual,
    asks: [ask(0, 0)],
    fates: [{ ...lost, how: "hang", effect: "at-once" }],
    happenings: [{ kind: "user-cancels", atMs: 200 }],
  },
};
