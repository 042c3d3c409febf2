/**
 * A load that does not wait for answers, as real clients do not: requests leave when their time has come, and that is what
 * their time is counted from. A process of its own, so that neither the gateway nor the simulator pays for it.
 *
 * In (IPC): `{ url, bodies, phases: [{ name, perSecond, seconds }] }`: the bodies in turn, `%N%` in them counts. Out: the
 * phases again, each with what its requests came to: `[dueAtMs, tookMs, outcome]`, and by how much they left late, at the
 * 99th percentile: what the machine did to this process, it did to the others as well.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Pool } from "undici";

const tickMs = 4;

/** "ok", the member of a union, the code of an error, or that there was no answer. */
function outcomeOf(status, text) {
  if (status !== 200) return `HTTP ${status}`;
  const { data, errors } = JSON.parse(text);
  const failed = /"__typename":"(\w+Error)"/.exec(text)?.[1];
  if (failed) return failed;
  if (errors?.length > 0) return errors[0].extensions?.code ?? "untyped";
  return data ? "ok" : "untyped";
}

async function run({ url, bodies, phases }) {
  // As many connections as there are requests under way: each stands for a client of its own.
  const pool = new Pool(url, { pipelining: 1, headersTimeout: 60_000, connect: { timeout: 60_000 } });
  const startedAt = performance.now();
  const underWay = new Set();
  let number = 0;
  const ask = async (results, dueAt) => {
    number += 1;
    let outcome = "no answer";
    try {
      const response = await pool.request({
        method: "POST",
        path: "/graphql",
        headers: { "content-type": "application/json" },
        body: bodies[number % bodies.length].replaceAll("%N%", number),
      });
      outcome = outcomeOf(response.statusCode, await response.body.text());
    } catch {
      // Counted as what it is.
    }
    results.push([Math.round(dueAt - startedAt), Math.round(performance.now() - dueAt), outcome]);
  };
  let phaseStart = startedAt;
  for (const phase of phases) {
    phase.results = [];
    const late = [];
    phase.startedAtMs = phaseStart - startedAt;
    const count = Math.round(phase.perSecond * phase.seconds);
    for (let sent = 0; sent < count;) {
      const due = (performance.now() - phaseStart) / 1000;
      for (; sent < count && sent / phase.perSecond <= due; sent += 1) {
        const dueAt = phaseStart + (sent / phase.perSecond) * 1000;
        late.push(performance.now() - dueAt);
        const asked = ask(phase.results, dueAt);
        underWay.add(asked);
        void asked.then(() => underWay.delete(asked));
      }
      await pause(tickMs);
    }
    phase.lateMs = Math.round(late.sort((a, b) => a - b)[Math.floor(late.length * 0.99)] ?? 0);
    phaseStart += phase.seconds * 1000;
  }
  await Promise.all(underWay);
  await pool.destroy();
  return phases;
}

process.once("message", async (order) => {
  process.send(await run(order), () => process.exit());
});
process.on("disconnect", () => process.exit());
