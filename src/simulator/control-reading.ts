// Validates requests to the control routes: a fault with a typo must not be accepted as one that never occurs.

import type { CallbackMessage } from "./callback-messages.js";
import type { CallbackEndpoint } from "./callbacks.js";
import type { Fault, FaultKind } from "./faults.js";
import { JsonFields, isRecord } from "./json-fields.js";
import { type LivingViewer, type Person, type ReplayStatus, REPLAY_STATUS } from "./living.js";

type FieldCheck = (value: unknown) => boolean;

const isNumber: FieldCheck = (value) => typeof value === "number";
const isText: FieldCheck = (value) => typeof value === "string";
const isBoolean: FieldCheck = (value) => typeof value === "boolean";
const isTexts: FieldCheck = (value) => Array.isArray(value) && value.every(isText);

const SCOPE_FIELDS: Readonly<Record<string, FieldCheck>> = {
  kind: isText,
  api: isText,
  times: isNumber,
  afterCalls: isNumber,
  probability: isNumber,
  delayMs: isNumber,
  effect: (value) => value === "none" || value === "applied" || (isRecord(value) && isNumber(value["lateMs"])),
};

interface KindFields {
  required?: Readonly<Record<string, FieldCheck>>;
  optional?: Readonly<Record<string, FieldCheck>>;
}

const KIND_FIELDS: Readonly<Record<FaultKind, KindFields>> = {
  errcode: { required: { errcode: (value) => isNumber(value) || isText(value) }, optional: { errmsg: isText } },
  delay: { required: { delayMs: isNumber }, optional: { effect: (value) => value === "applied" } },
  drop: {},
  hang: {},
  http: { required: { status: isNumber }, optional: { body: isText, contentType: isText } },
  "truncated-json": { optional: { isCut: isBoolean } },
  "huge-body": { required: { bytes: isNumber } },
  "empty-body": {},
  "headers-only": {},
  trickle: { required: { byteIntervalMs: isNumber } },
  "warned-success": {},
  "missing-fields": { required: { fields: isTexts } },
  "string-errcode": {},
};

/** One fault, or an array of them. */
export function readFaults(json: unknown): Fault[] {
  return Array.isArray(json) ? json.map(readFault) : [readFault(json)];
}

function readFault(json: unknown): Fault {
  if (!isRecord(json)) throw new Error("a fault is an object");
  const { kind } = json;
  if (typeof kind !== "string" || !isKind(kind)) throw new Error(`kind: one of ${Object.keys(KIND_FIELDS).join(", ")}`);
  const { required = {}, optional = {} } = KIND_FIELDS[kind];
  for (const name of Object.keys(required)) if (!(name in json)) throw new Error(`${kind} needs ${name}`);
  const checks: Readonly<Record<string, FieldCheck>> = { ...SCOPE_FIELDS, ...optional, ...required };
  for (const [name, value] of Object.entries(json)) {
    if (checks[name]?.(value) !== true) throw new Error(`${kind} cannot have ${name} ${JSON.stringify(value)}`);
  }
  return json as unknown as Fault;
}

function isKind(kind: string): kind is FaultKind {
  return Object.hasOwn(KIND_FIELDS, kind);
}

/** `replayStatus`: absent: no replay. */
export function readReplayStatus(fields: JsonFields): ReplayStatus | undefined {
  const name = fields.optionalText("replayStatus");
  if (name === undefined) return undefined;
  if (Object.hasOwn(REPLAY_STATUS, name)) return name as ReplayStatus;
  throw new Error(`replayStatus: one of ${Object.keys(REPLAY_STATUS).join(", ")}`);
}

export function readPerson(fields: JsonFields, name: string): Person {
  const person = fields.optionalObject(name);
  if (person === undefined) throw new Error(`missing ${name}`);
  return person.has("userid") ? { userid: person.text("userid") } : { externalUserid: person.text("externalUserid") };
}

export function readViewer(fields: JsonFields): LivingViewer {
  const watching = {
    watchSeconds: fields.optionalInteger("watchSeconds") ?? 0,
    hasCommented: fields.optionalBoolean("hasCommented") ?? false,
    hasSpoken: fields.optionalBoolean("hasSpoken") ?? false,
    isOnline: fields.optionalBoolean("isOnline") ?? true,
    ...(fields.has("invitor") ? { invitor: readPerson(fields, "invitor") } : {}),
  };
  if (fields.has("userid")) return { ...watching, userid: fields.text("userid") };
  const type = (fields.optionalInteger("type") ?? 1) === 2 ? 2 : 1;
  return { ...watching, externalUserid: fields.text("externalUserid"), name: fields.text("name"), type };
}

export function readEndpoint(fields: JsonFields): CallbackEndpoint {
  const format = fields.optionalText("format") === "json" ? "json" : "xml";
  return { url: fields.text("url"), token: fields.text("token"), aesKey: fields.text("aesKey"), format };
}

/** `message`: a flat object, or text that is sent verbatim. */
export function readMessage(fields: JsonFields): CallbackMessage | string {
  const message = fields.value("message");
  if (typeof message === "string") return message;
  const isFlat = isRecord(message) && Object.values(message).every((value) => isNumber(value) || isText(value));
  if (!isFlat) throw new Error("message: text, or an object of texts and numbers");
  return message as CallbackMessage;
}
