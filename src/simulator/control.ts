// The simulator's state over HTTP, for tests that run in another process: /simulator/… on the same socket, JSON both ways.
// What it can do, the methods of Simulator can do too.

import { readFaults, readPerson, readReplayStatus, readViewer } from "./control-reading.js";
import type { ControlHandler, ControlRequest } from "./http-server.js";
import { JsonFields, isRecord, parseJson } from "./json-fields.js";
import { type Living, statusOf } from "./living.js";
import type { World } from "./world.js";

interface ControlCall {
  world: World;
  /** The `:id` of the path. */
  id: string;
  query: URLSearchParams;
  json: unknown;
  fields: JsonFields;
}

const HANDLERS: Readonly<Record<string, (call: ControlCall) => unknown>> = {
  "GET /simulator/state": ({ world }) => ({
    nowMs: world.clock.nowMs(),
    requestCounts: world.requests.counts(),
    livings: world.livings.all().map((living) => toState(world, living)),
  }),
  "GET /simulator/requests": ({ world, query }) => {
    const api = query.get("api");
    return world.requests.all().filter((request) => api === null || request.api === api);
  },
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

const LIVING_PATH = /^\/simulator\/living\/([^/]+)\//;

export function createControl(world: World): ControlHandler {
  return (request: ControlRequest) => {
    const id = LIVING_PATH.exec(request.path)?.[1] ?? "";
    const route = `${request.method} ${request.path.replace(LIVING_PATH, "/simulator/living/:id/")}`;
    const handler = HANDLERS[route];
    if (handler === undefined) return { status: 404, body: { error: `no ${route}`, known: Object.keys(HANDLERS) } };
    const json = parseJson(request.rawBody);
    const fields = new JsonFields(isRecord(json) ? json : {});
    try {
      return { status: 200, body: handler({ world, id, query: request.query, json, fields }) ?? {} };
    } catch (error) {
      return { status: 400, body: { error: String(error) } };
    }
  };
}

function toState(world: World, living: Living): unknown {
  return { ...living, status: statusOf(living, world.clock.nowSeconds()) };
}
