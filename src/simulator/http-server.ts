// The HTTP server: reads a request, finds its call, records it, and applies faults.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { type Answer, type Api, type IncomingCall, corpidOf, failed, failedWith, perform } from "./api.js";
import { ApiFailure } from "./api-failure.js";
import { deliver, spoil } from "./delivery.js";
import { type Fault, effectOf } from "./faults.js";
import { gettoken } from "./gettoken.js";
import { parseJson } from "./json-fields.js";
import { livingBookingCalls } from "./living-booking-calls.js";
import { livingReadingCalls } from "./living-reading-calls.js";
import { mediaCalls } from "./media-calls.js";
import type { RecordedRequest } from "./request-log.js";
import { suiteCalls } from "./suite-calls.js";
import { ticketCalls } from "./ticket-calls.js";
import type { World } from "./world.js";

const API_PREFIX = "/cgi-bin/";

const APIS: ReadonlyMap<string, Api> = new Map(
  [gettoken, ...livingBookingCalls, ...livingReadingCalls, ...suiteCalls, ...mediaCalls, ...ticketCalls].map((api) => [
    api.name,
    api,
  ]),
);

/** A request to the control routes, which share the socket. */
export interface ControlRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  rawBody: string;
}

/** A string body is an HTML page. */
export type ControlHandler = (request: ControlRequest) => Promise<{ status: number; body: unknown }>;

export function createHttpServer(world: World, control: ControlHandler): Server {
  const server = createServer((request, response) => {
    serve(world, control, request, response).catch((error: unknown) => {
      // Either the client disconnected, or the simulator has a bug, which must not look like WeCom's answer.
      if (response.headersSent || response.destroyed) response.destroy();
      else response.writeHead(500, { "content-type": "text/plain" }).end(String(error));
    });
  });
  server.keepAliveTimeout = 65_000;
  return server;
}

async function serve(
  world: World,
  control: ControlHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "GET", url = "/" } = request;
  const { pathname: path, searchParams: query } = new URL(url, "http://simulator.invalid");
  const bytes = await readBytes(request);
  const api = APIS.get(path.slice(API_PREFIX.length));
  // Of an upload, only the length is recorded.
  const rawBody = api?.auth === "upload" ? "" : bytes.toString("utf8");
  if (!path.startsWith(API_PREFIX)) {
    const { status, body } = await control({ method, path, query, rawBody });
    const isPage = typeof body === "string";
    response.writeHead(status, { "content-type": `${isPage ? "text/html" : "application/json"}; charset=UTF-8` });
    response.end(isPage ? body : JSON.stringify(body));
    return;
  }
  const name = path.slice(API_PREFIX.length);
  const record: RecordedRequest = {
    method,
    path,
    api: name,
    query: Object.fromEntries(query),
    headers: request.headers,
    rawBody,
    bodyBytes: bytes.length,
    body: parseJson(rawBody),
    at: world.clock.nowMs(),
  };
  world.requests.add(record);
  response.once("close", () => (record.endedAt = world.clock.nowMs()));
  // Assumed: WeCom's answer for an unknown path is undocumented.
  if (api === undefined) response.writeHead(404).end();
  else {
    const call = { method, query, raw: { bytes, headers: request.headers }, ip: request.socket.remoteAddress ?? "" };
    await answerCall(world, api, call, record, response);
  }
}

async function answerCall(
  world: World,
  api: Api,
  call: IncomingCall,
  record: RecordedRequest,
  response: ServerResponse,
): Promise<void> {
  const slot = `${corpidOf(world, call)} ${api.name}`;
  const { isAllowed } = world.inFlight.enter(slot);
  try {
    const fault = world.faults.take(api.name);
    if (fault !== undefined) record.fault = fault.kind;
    const answer = isAllowed ? answerOf(world, api, call, record, fault) : failed(world, api, new ApiFailure(45033));
    const waitMs = world.settings.latencyMs + (fault?.delayMs ?? 0);
    if (waitMs > 0) await pause(waitMs, undefined, { ref: false });
    if (fault === undefined || !LOST_ANSWERS.has(fault.kind)) record.errcode = answer.errcode;
    await deliver(response, api, answer, fault);
  } finally {
    world.inFlight.leave(slot);
  }
}

const LOST_ANSWERS: ReadonlySet<Fault["kind"]> = new Set(["drop", "hang", "http", "empty-body", "headers-only"]);

/** Executes the call unless the fault prevents it, and creates the answer that the fault leaves. */
function answerOf(
  world: World,
  api: Api,
  call: IncomingCall,
  record: RecordedRequest,
  fault: Fault | undefined,
): Answer {
  const carryOut = (): Answer => {
    record.performedAt = world.clock.nowMs();
    return perform(world, api, call);
  };
  if (fault === undefined) return carryOut();
  const effect = effectOf(fault);
  let answer: Answer = { errcode: 0, errmsg: "ok", payload: {} };
  if (effect === "applied") answer = carryOut();
  else if (effect !== "none") world.lateEffects.schedule(effect.lateMs, () => void carryOut());
  if (fault.kind !== "errcode") return spoil(answer, fault);
  const injected = failedWith(world, api, fault.errcode);
  return fault.errmsg === undefined ? injected : { ...injected, errmsg: fault.errmsg };
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
