// A call and its processing: authentication, rate limits, body, then the handler.

import type { IncomingHttpHeaders } from "node:http";
import { ApiFailure, errcodeText, formatErrmsg } from "./api-failure.js";
import type { App } from "./directory.js";
import { type JsonFields, readJsonBody } from "./json-fields.js";
import type { SuiteOptions } from "./options.js";
import { randomDigits } from "./random.js";
import type { World } from "./world.js";

export type Payload = Record<string, unknown>;

export interface Answer {
  /** A string only for a fault that asks for it. */
  errcode: number | string;
  errmsg: string;
  payload: Payload;
}

/** A body that is not JSON. */
export interface RawBody {
  readonly bytes: Buffer;
  readonly headers: IncomingHttpHeaders;
}

export interface IncomingCall {
  method: string;
  query: URLSearchParams;
  raw: RawBody;
  ip: string;
}

interface CallInput {
  world: World;
  query: URLSearchParams;
  ip: string;
}

interface ApiShape {
  /** Below /cgi-bin/, as in "living/create". */
  name: string;
  /** Payload fields that an error body also has, empty. */
  emptyPayload?: Payload;
  /** Success without errcode and errmsg, as in service/get_suite_token. */
  isErrcodeOmitted?: boolean;
}

export type Api = ApiShape &
  (
    | { method: "GET"; auth: "none"; handle: (call: CallInput) => Payload }
    | { method: "POST"; auth: "none"; handle: (call: CallInput & { body: JsonFields }) => Payload }
    | { method: "GET"; auth: "suite_access_token"; handle: (call: CallInput & { suite: SuiteOptions }) => Payload }
    | {
        method: "POST";
        auth: "suite_access_token";
        handle: (call: CallInput & { suite: SuiteOptions; body: JsonFields }) => Payload;
      }
    | { method: "GET"; auth: "access_token"; handle: (call: CallInput & { app: App }) => Payload }
    | { method: "POST"; auth: "access_token"; handle: (call: CallInput & { app: App; body: JsonFields }) => Payload }
    /** With an access_token as well; its body is a file. */
    | { method: "POST"; auth: "upload"; handle: (call: CallInput & { app: App; raw: RawBody }) => Payload }
  );

/** Executes the call, and returns its result. */
export function perform(world: World, api: Api, call: IncomingCall): Answer {
  try {
    return { errcode: 0, errmsg: "ok", payload: handle(world, api, call) };
  } catch (error) {
    if (error instanceof ApiFailure) return failed(world, api, error);
    throw error;
  }
}

export function failed(world: World, api: Api, { errcode, message }: ApiFailure): Answer {
  return failedWith(world, api, errcode, message);
}

/** Also for an errcode that is a string, as a fault may return it. */
export function failedWith(world: World, api: Api, errcode: number | string, text?: string): Answer {
  const { settings, clock } = world;
  const hint = `${clock.nowSeconds()}${randomDigits(settings.random, 15)}`;
  const errmsg = formatErrmsg(text ?? errcodeText(Number(errcode)), errcode, hint, settings.egressIp);
  const payload = settings.assumptions.emptyPayloadInErrors ? (api.emptyPayload ?? {}) : {};
  return { errcode, errmsg, payload };
}

/** The owner of the quota that the call counts against. */
export function corpidOf(world: World, call: IncomingCall): string {
  try {
    return world.accessTokens.ownerOf(call.query.get("access_token")).corpid;
  } catch {
    return call.query.get("corpid") ?? "";
  }
}

function handle(world: World, api: Api, call: IncomingCall): Payload {
  const { wrongMethodErrcode, malformedBodyErrcode } = world.settings.assumptions;
  const { query, ip, raw } = call;
  if (call.method !== api.method) throw new ApiFailure(wrongMethodErrcode);
  world.frequency.countCall(api.name, corpidOf(world, call), ip);
  const input = { world, query, ip };
  const body = (): JsonFields => readJsonBody(raw.bytes.toString("utf8"), malformedBodyErrcode);
  switch (api.auth) {
    case "none":
      return api.method === "GET" ? api.handle(input) : api.handle({ ...input, body: body() });
    case "suite_access_token": {
      const suite = world.suiteTokens.ownerOf(query.get("suite_access_token"));
      return api.method === "GET" ? api.handle({ ...input, suite }) : api.handle({ ...input, suite, body: body() });
    }
    case "upload":
    case "access_token": {
      const app = world.accessTokens.ownerOf(query.get("access_token"));
      if (app.trustedIps !== undefined && !app.trustedIps.includes(ip)) throw new ApiFailure(60020);
      if (api.name.startsWith("living/") && app.hasLivingPermission === false) throw new ApiFailure(48002);
      if (api.auth === "upload") return api.handle({ ...input, app, raw });
      return api.method === "GET" ? api.handle({ ...input, app }) : api.handle({ ...input, app, body: body() });
    }
  }
}
