// Uses a gateway as its clients do, for scripts/draw-dashboard.mjs: books, reads, changes, uploads, subscribes, with mistakes; and
// lets the simulated WeCom start and end livings, and fail in each way that a panel is for.
import { setTimeout as wait } from "node:timers/promises";

const png = Buffer.from("\x89PNG\r\n\x1a\n and some more", "latin1");

/** @param {{ gatewayUrl: string, simulator: import("../dist/simulator/index.js").Simulator, corpid: string, suiteId: string, seconds: number }} at */
export async function use({ gatewayUrl, simulator, corpid, suiteId, seconds }) {
  const caller = (userid) => ({
    ...{
      "x-wecom-corpid": corpid,
      "x-wecom-userid": userid,
      "x-wecom-scopes": "living:admin living:read living:write",
    },
    "apollo-require-preflight": "1",
  });
  const graphql = async (query, variables = {}, userid = "zhangsan") => {
    const headers = { ...caller(userid), "content-type": "application/json" };
    const response = await fetch(`${gatewayUrl}/graphql`, {
      ...{ method: "POST", headers, body: JSON.stringify({ query, variables }) },
    });
    return response.json();
  };
  const livingids = [];
  const anyLiving = () => livingids[Math.floor(Math.random() * livingids.length)];
  const booking = () => ({
    ...{ anchorUserid: "zhangsan", theme: "周会", livingDuration: 3600 },
    livingStart: Math.floor(Date.now() / 1000) + 3600 + Math.floor(Math.random() * 1e6),
  });
  const create = async (input = booking()) => {
    const query = `mutation ($input: LivingInput!, $key: ID) {
      createLiving(input: $input, idempotencyKey: $key) { __typename ... on CreateLivingSuccess { livingid } }
    }`;
    const { data } = await graphql(query, { input, key: crypto.randomUUID() });
    if (data?.createLiving.livingid) livingids.push(data.createLiving.livingid);
  };
  const read = (livingid = anyLiving()) =>
    graphql("query ($livingid: ID!) { living(livingid: $livingid) { theme status } }", { livingid });
  const list = () =>
    graphql(`
      {
        livings(anchorUserid: "zhangsan", first: 20) {
          nodes {
            livingid
          }
        }
      }
    `);
  const change = (name, more = "") =>
    graphql(`mutation ($livingid: ID!) { ${name}(livingid: $livingid${more}) { __typename } }`, {
      livingid: anyLiving(),
    });
  const upload = () =>
    fetch(`${gatewayUrl}/media?purpose=COVER`, {
      ...{ method: "POST", headers: { ...caller("lisi"), "content-type": "image/png" }, body: png },
    });
  // One that is over already is no living to start: that is a failure as others are.
  const go = async (livingid = anyLiving()) => {
    simulator.livings.start(livingid);
    simulator.livings.end(livingid, "ready");
  };
  async function subscribe(forSeconds) {
    const signal = AbortSignal.timeout(Math.round(forSeconds * 1000));
    const headers = { ...caller("lisi"), accept: "text/event-stream", "content-type": "application/json" };
    const query = `subscription { livingStatusChanged(anchorUserid: "zhangsan") { livingid status } }`;
    const init = { method: "POST", headers, body: JSON.stringify({ query }), signal };
    const response = await fetch(`${gatewayUrl}/graphql`, init);
    await response.text();
  }

  // WeCom pushes its ticket, and the corp authorises the app.
  simulator.suites.pushTicket(suiteId);
  await simulator.callbacks.idle();
  simulator.suites.authorise(suiteId, corpid);
  await simulator.callbacks.idle();
  await wait(2000);
  for (livingids.length = 0; livingids.length < 20; await wait(50)) await create();

  const until = Date.now() + seconds * 1000;
  /** About so often a second, with the day's ups and downs. A failure is part of the picture. */
  const often = async (perSecond, work) => {
    while (Date.now() < until) {
      const wave = 1 + 0.5 * Math.sin(Date.now() / 12_000);
      await wait((1000 / perSecond / wave) * (0.5 + Math.random()));
      void Promise.resolve(work()).catch(() => undefined);
    }
  };
  const at = async (part, work) => {
    await wait(part * seconds * 1000);
    work();
  };
  const { faults } = simulator;
  const open = Array.from({ length: 30 }, (_, index) =>
    subscribe(seconds * (0.3 + (0.7 * index) / 30)).catch(() => undefined),
  );
  await Promise.all([
    ...[often(8, () => create()), often(25, () => read()), often(6, list), often(1, upload), often(2, () => go())],
    ...[often(2, () => change("modifyLiving", `, input: { theme: "改期" }`)), often(1, () => change("cancelLiving"))],
    often(0.5, () => change("deleteLivingReplay")),
    // Mistakes of callers.
    often(0.5, () => create({ ...booking(), theme: "" })),
    often(0.3, () => read("no-such-living")),
    // WeCom: slow, busy, refusing, gone.
    at(0.25, () => faults.inject({ kind: "delay", api: "living/get_living_info", delayMs: 200, times: 60 })),
    at(0.35, () => faults.inject({ kind: "errcode", api: "*", errcode: -1, probability: 0.1, times: 20 })),
    at(0.45, () => faults.inject({ kind: "errcode", api: "living/create", errcode: 60111, times: 5 })),
    at(0.5, () => faults.inject({ kind: "drop", api: "living/create", effect: "applied", times: 6 })),
    at(0.5, () => faults.inject({ kind: "hang", api: "living/get_user_all_livingid", times: 12 })),
    at(0.7, () => faults.inject({ kind: "errcode", api: "media/upload", errcode: 45009, times: 1 })),
    at(0.75, () => faults.inject({ kind: "drop", api: "living/get_living_info", times: 20 })),
    at(0.6, () => simulator.suites.pushTicket(suiteId)),
  ]);
  await Promise.all(open);
}
