// The WeCom client's part in a demo: a page with the livings and a button for each action and, if enabled, livings that
// start and end automatically.

import type { ControlRoutes } from "./control-call.js";
import { type Living, LIVING_STATUS, statusOf } from "./living.js";
import type { World } from "./world.js";

/** Moves every living that is due: reserved → live at its start, live → ended, with a replay, after its duration. */
export function playOn({ livings, clock }: World): void {
  const nowSeconds = clock.nowSeconds();
  for (const living of livings.all()) {
    const { phase, booking, livingid } = living;
    if (statusOf(living, nowSeconds) === LIVING_STATUS.reserved && nowSeconds >= booking.startSeconds) {
      livings.start(livingid);
    } else if (phase.name === "live" && nowSeconds >= phase.startedAtSeconds + booking.durationSeconds) {
      livings.end(livingid, "ready");
    }
  }
}

/** The page at the simulator's own URL, and the routes of its buttons in addition to the control routes. */
export const playRoutes: ControlRoutes = {
  "GET /": ({ world }) => page(world),
  "GET /simulator": ({ world }) => page(world),
  "GET /simulator/rows": ({ world }) => rows(world),
};

const STATUS_NAMES = ["reserved", "live", "ended", "expired", "cancelled"];
const MAX_ROWS = 200;

function page(world: World): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Simulated WeCom</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
  body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent) }
  td:nth-child(3), td:nth-child(6) { white-space: nowrap }
  code { font-size: .85em }
  button { font: inherit; margin: .1rem }
  .live { color: #c0392b; font-weight: 600 }
</style>
<h1>Simulated WeCom</h1>
<p>What an anchor does in the WeCom client, you do here. Each move is pushed to the gateway as WeCom would push it.</p>
<table>
  <thead><tr><th>Theme<th>Anchor<th>Start<th>Status<th>Viewers<th>Moves</thead>
  <tbody id="rows">${rows(world)}</tbody>
</table>
<p id="said" role="status"></p>
<script>
  const said = document.getElementById("said");
  async function refresh() {
    document.getElementById("rows").innerHTML = await (await fetch("/simulator/rows")).text();
  }
  document.addEventListener("click", async ({ target }) => {
    const { path, body } = target.dataset ?? {};
    if (!path) return;
    const answer = await fetch(path, { method: "POST", body: body ?? "{}" });
    const { error, wwShareCode } = await answer.json();
    said.textContent = error ?? (wwShareCode ? "ww_share_code: " + wwShareCode : "");
    await refresh();
  });
  setInterval(refresh, 2000);
</script>
</html>
`;
}

function rows(world: World): string {
  const livings = world.livings.all().slice(-MAX_ROWS).reverse();
  if (livings.length === 0) return `<tr><td colspan="6">No living yet: send the gateway a createLiving.</td></tr>`;
  return livings.map((living) => row(world, living)).join("\n");
}

function row(world: World, living: Living): string {
  const { livingid, booking, viewers } = living;
  const status = STATUS_NAMES[statusOf(living, world.clock.nowSeconds())] ?? "";
  const start = new Date(booking.startSeconds * 1000).toISOString().slice(0, 16).replace("T", " ");
  const cells = [
    `${escaped(booking.theme)}<br><code>${escaped(livingid)}</code>`,
    escaped(booking.anchorUserid),
    `${start} UTC`,
    `<span class="${status}">${status}</span>`,
    String(viewers.length),
    moves(living, status),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

function moves({ livingid, viewers }: Living, status: string): string {
  const button = (label: string, move: string, body: unknown = {}): string =>
    `<button data-path="/simulator/living/${encodeURIComponent(livingid)}/${move}" ` +
    `data-body="${escaped(JSON.stringify(body))}">${label}</button>`;
  const viewer = {
    externalUserid: `wmGuest${viewers.length + 1}`,
    name: `Guest ${viewers.length + 1}`,
    watchSeconds: 60,
  };
  const share = { viewer: { externalUserid: "wmGuest1" }, invitor: { userid: "zhangsan" } };
  const addViewer = button("Add viewer", "viewers", viewer);
  const sharing = button("Share", "share-codes", share);
  if (status === "reserved") {
    return [button("Start", "start"), button("Cancel", "cancel"), button("Expire", "expire"), sharing].join(" ");
  }
  if (status === "live") return [button("End", "end", { replayStatus: "ready" }), addViewer, sharing].join(" ");
  return status === "ended" ? [addViewer, sharing].join(" ") : "";
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
