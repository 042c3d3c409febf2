// Control over HTTP for tests in other processes: /simulator/… on the same socket, JSON requests and responses. The
// methods of Simulator do the same.

import type { ControlRoutes } from "./control-call.js";
import { callbackRoutes } from "./control-callbacks.js";
import { readFaults, readPerson, readReplayStatus, readViewer } from "./control-reading.js";
import type { ControlHandler } from "./http-server.js";
import { JsonFields, isRecord, parseJson } from "./json-fields.js";
import { type Living, statusOf } from "./living.js";
import { playRoutes } from "./play.js";
import type { World } from "./world.js";

const ROUTES: ControlRoutes = {
  ...callbackRoutes,
  ...playRoutes,
  "GET /simulator/state": ({ world }) => ({
    nowMs: world.clock.nowMs(),
    requestCounts: world.requests.counts(),
    livings: world.livings.all().map((living) => toState(world, living)),
  }),
  "GET /simulator/requests": ({ world, query }) => {
    const api = query.get("api");
    return world.requests.all().filter((request) => api === null || request.api === api);
  },
  "DELETE /simulator/requests": ({ world }) => world.requests.clear(),
  "GET /simulator/media": ({ world }) => world.media.all(),
  "GET /simulator/faults": ({ world }) => world.faults.pending(),
  "POST /simulator/faults": ({ world, json }) => world.faults.inject(...readFaults(json)),
  "DELETE /simulator/faults": ({ world }) => world.faults.clear(),
  "POST /simulator/late-effects/apply": ({ world }) => world.lateEffects.runAll(),
  "POST /simulator/tokens/invalidate": ({ world }) => world.accessTokens.invalidateAll(),
  "POST /simulator/clock/advance": ({ world, fields }) => world.clock.advance(fields.integer("ms")),
  "POST /simulator/reset": ({ world }) => world.reset(),
  "POST /simulator/living/:id/start": ({ world, id }) => toState(world, world.livings.start(id)),
  "POST /simulator/living/:id/end": ({ world, id, fields }) =>
    toState(world, world.livings.end(id, readReplayStatus(fields))),
  "POST /simulator/living/:id/cancel": ({ world, id }) => toState(world, world.livings.cancel(id)),
  "POST /simulator/living/:id/expire": ({ world, id }) => toState(world, world.livings.expire(id)),
  "POST /simulator/living/:id/replay": ({ world, id, fields }) =>
    toState(world, world.livings.setReplayStatus(id, readReplayStatus(fields))),
  "POST /simulator/living/:id/viewers": ({ world, id, fields }) =>
    toState(world, world.livings.addViewer(id, readViewer(fields))),
  "POST /simulator/living/:id/share-codes": ({ world, id, fields }) => ({
    wwShareCode: world.shareCodes.issue({
      livingid: id,
      viewer: readPerson(fields, "viewer"),
      invitor: readPerson(fields, "invitor"),
    }),
  }),
};

const PATH_WITH_ID = /^\/simulator\/(living|suite)\/([^/]+)\//;

export function createControl(world: World): ControlHandler {
  return async ({ method, path, query, rawBody }) => {
    const id = PATH_WITH_ID.exec(path)?.[2] ?? "";
    const route = `${method} ${path.replace(PATH_WITH_ID, "/simulator/$1/:id/")}`;
    const run = ROUTES[route];
    if (run === undefined) return { status: 404, body: { error: `no ${route}`, known: Object.keys(ROUTES) } };
    const json = parseJson(rawBody);
    const fields = new JsonFields(isRecord(json) ? json : {});
    try {
      return { status: 200, body: (await run({ world, id, query, json, fields })) ?? {} };
    } catch (error) {
      return { status: 400, body: { error: String(error) } };
    }
  };
}

function toState(world: World, living: Living): unknown {
  return { ...living, status: statusOf(living, world.clock.nowSeconds()) };
}
