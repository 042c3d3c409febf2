// What can go wrong between WeCom's answer and us, by name.
import type { Fault } from "../../src/simulator/index.js";

const success = (errcode: string) => `{"errcode":${errcode},"errmsg":"ok","livingid":"L"}`;

export const upstreamFaults: readonly (readonly [string, Fault])[] = [
  ["drops the connection before it acts", { kind: "drop" }],
  ["drops the connection after it acted", { kind: "drop", effect: "applied" }],
  ["drops the connection after a while", { kind: "drop", delayMs: 100, effect: "applied" }],
  ["drops the connection, and acts after that", { kind: "drop", effect: { lateMs: 100 } }],
  ["never answers", { kind: "hang" }],
  ["never answers, but acts", { kind: "hang", effect: "applied" }],
  ["answers too late", { kind: "delay", delayMs: 5000 }],
  ["answers 500 without a body", { kind: "http", status: 500, body: "" }],
  ["answers 502 with HTML", { kind: "http", status: 502 }],
  ["answers 503 with a JSON errcode", { kind: "http", status: 503, body: '{"errcode":40003,"errmsg":"x"}' }],
  ["answers 302", { kind: "http", status: 302 }],
  ["answers 429", { kind: "http", status: 429 }],
  ["answers HTML with 200", { kind: "http", status: 200, body: "<html>login</html>", contentType: "text/html" }],
  ["answers half a JSON", { kind: "truncated-json" }],
  ["breaks off in the middle of the answer", { kind: "truncated-json", isCut: true }],
  ["answers more than it ever should", { kind: "huge-body", bytes: 10_000_000 }],
  ["answers nothing", { kind: "empty-body" }],
  ["answers headers only", { kind: "headers-only" }],
  ["answers byte by byte", { kind: "trickle", byteIntervalMs: 100 }],
  ["answers a warned success", { kind: "warned-success" }],
  ["answers without livingid", { kind: "missing-fields", fields: ["livingid"] }],
  ["answers without errcode", { kind: "http", status: 200, body: '{"errmsg":"ok","livingid":"L"}' }],
  ['answers "errcode":"0"', { kind: "string-errcode" }],
  ["answers an errcode that is null", { kind: "http", status: 200, body: success("null") }],
  ["answers half an errcode", { kind: "http", status: 200, body: success("0.5") }],
  ["answers JSON behind a byte order mark", { kind: "http", status: 200, body: `\ufeff${success("0")}` }],
  ["answers JSON null", { kind: "http", status: 200, body: "null" }],
  ["answers a JSON list", { kind: "http", status: 200, body: "[]" }],
  ["answers a JSON text", { kind: "http", status: 200, body: '"ok"' }],
  [
    "answers a livingid that is a number",
    { kind: "http", status: 200, body: '{"errcode":0,"errmsg":"ok","livingid":7}' },
  ],
  ["answers an empty livingid", { kind: "http", status: 200, body: '{"errcode":0,"errmsg":"ok","livingid":""}' }],
  ["answers -1", { kind: "errcode", errcode: -1, errmsg: "system busy" }],
  ["answers -1 although it acted", { kind: "errcode", errcode: -1, effect: "applied" }],
];
