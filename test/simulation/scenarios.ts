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
    happenings: [{ kind: "store-rolled-back", toMs: 650, atMs: 800 }],
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
  "a create without a key is in flight in another replica": {
    ...usual,
    replicas: 2,
    asks: [ask(0, undefined), ask(50, 0, 1)],
    fates: [slow(900), lost],
  },
  "a create without a key is in flight in another replica, which could not announce it": {
    ...usual,
    replicas: 2,
    asks: [ask(0, undefined), ask(50, 0, 1)],
    fates: [slow(1100), lost],
    happenings: [{ kind: "store-away", atMs: 190, forMs: 60, isRefusing: true }],
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
  "a replica stands still before it has announced a create without a key": {
    ...usual,
    seed: 2,
    replicas: 3,
    asks: [ask(336, undefined), ask(615, undefined, 2)],
    fates: [slow(28), { ...lost, how: "gateway", effect: "at-once" }],
    happenings: [{ kind: "stop", atMs: 344, replica: 0, forMs: 1073 }],
  },
  "a key comes with another input after the store was emptied": {
    ...usual,
    seed: 25,
    replicas: 2,
    asks: [ask(198, 0), { ...ask(638, 0, 1), theme: "another" }],
    fates: [{ ...lost, effect: "at-once" }],
    happenings: [{ kind: "store-emptied", atMs: 266 }],
  },
  "a replica starts before another one notices that the store was emptied": {
    ...usual,
    seed: 1007657,
    replicas: 2,
    asks: [ask(58, 1), ask(1290, 1, 1)],
    happenings: [
      { kind: "kill", atMs: 41, replica: 1 },
      { kind: "restart", atMs: 458, replica: 1 },
      { kind: "store-away", atMs: 204, forMs: 804, isRefusing: false },
      { kind: "store-emptied", atMs: 267 },
    ],
  },
  "a replica stands still between finding a living and taking it": {
    ...usual,
    seed: 109,
    replicas: 3,
    asks: [ask(225, 0), ask(3, 1, 2), ask(27, 2, 1), ask(119, undefined, 1)],
    fates: [
      { ...lost, effect: "late", share: 0.0769017671700567 },
      { ...lost, how: "half", effect: "late", share: 0.19389207032509148 },
    ],
    happenings: [{ kind: "stop", atMs: 736, replica: 1, forMs: 3059 }],
  },
  "a create without a key is answered while another one's living is being written down": {
    ...usual,
    seed: 10004241,
    replicas: 3,
    asks: [ask(219, 0), ask(241, 1), ask(310, undefined, 2), ask(345, undefined, 2)],
    fates: [{ ...lost, how: "gateway" }, slow(5), slow(6)],
  },
  "the store's clock is set back, and a replica that stood still has not noticed": {
    ...usual,
    seed: 20114749,
    replicas: 3,
    asks: [
      { ...ask(1603, 0, 2), theme: "theme 0" },
      ask(1303, 1, 2),
      { ...ask(4456, 2, 2), theme: "theme 2" },
      ask(2676, undefined, 1),
    ],
    fates: [slow(20), { ...lost, how: "gateway" }],
    happenings: [
      { kind: "stop", atMs: 52, replica: 0, forMs: 3597 },
      { kind: "store-clock-back", atMs: 131, byMs: 457 },
    ],
  },
  "an answer is written down while another replica is about to take what it has found": {
    ...usual,
    seed: 20146438,
    replicas: 3,
    asks: [ask(2125, 0, 2), ask(2132, 0, 2), ask(3308, 0, 1), ask(2056, 1, 2), ask(1681, 1), ask(1887, 1)].map(
      (each) => ({
        ...each,
        anchor: "zhangsan",
      }),
    ),
    fates: [slow(1137), { ...lost, how: "half", effect: "at-once" }],
    happenings: [{ kind: "store-away", atMs: 1970, forMs: 1498, isRefusing: false }],
  },
  "two creates alike are sent at once from two replicas": {
    ...usual,
    seed: 7012,
    replicas: 2,
    asks: [ask(45, 0), ask(54, 2, 1)],
    fates: [{ ...lost, how: "busy" }, slow(690)],
  },
  "the store fails while a create is written down that nobody asks for again": {
    ...usual,
    seed: 1090925,
    asks: [ask(126, 0)],
    happenings: [{ kind: "store-away", atMs: 130, forMs: 504, isRefusing: true }],
    abandoned: [0],
  },
  "a replica stands still with an answer, while another one finishes the create with the living of one alike": {
    ...usual,
    seed: 1181669,
    replicas: 2,
    asks: [ask(274, 0, 1), ask(2581, 0), ask(205, 1, 1)].map((each) => ({ ...each, anchor: "zhangsan" })),
    fates: [
      { kind: "lost", how: "half", effect: "late", share: 0.7160902528557926 },
      { kind: "ok", answerMs: 547, isDoubled: false },
    ],
    happenings: [
      { kind: "kill", atMs: 145, replica: 0 },
      { kind: "restart", atMs: 824, replica: 0 },
      { kind: "stop", atMs: 1573, replica: 1, forMs: 2720 },
      { kind: "store-away", atMs: 329, forMs: 1474, isRefusing: false },
    ],
  },
  "the process stands still until after the deadline of a create that waits for its answer": {
    ...usual,
    seed: 40429163,
    asks: [ask(909, 0), { ...ask(1800, 1), theme: "theme 1" }, { ...ask(1199, 2), theme: "theme 2" }],
    fates: [slow(20), slow(5), { ...lost, how: "hang", effect: "at-once", share: 0.06562605546787381 }],
    happenings: [{ kind: "stop", atMs: 2900, replica: 0, forMs: 2448 }],
  },
  "the store is emptied, and two replicas start of which one finds it empty and the other one not": {
    ...usual,
    seed: 300482299,
    replicas: 3,
    spelling: "as-registered",
    asks: [ask(233, 0, 2), ask(2035, 0)],
    happenings: [
      { kind: "kill", atMs: 331, replica: 0 },
      { kind: "restart", atMs: 473, replica: 0 },
      { kind: "kill", atMs: 26, replica: 1 },
      { kind: "restart", atMs: 1137, replica: 1 },
      { kind: "store-away", atMs: 337, forMs: 1447, isRefusing: false },
      { kind: "store-emptied", atMs: 301 },
    ],
  },
};
