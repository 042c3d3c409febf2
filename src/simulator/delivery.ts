// Delivers an answer, intact or damaged.

import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { Answer, Api } from "./api.js";
import { WRONG_JSON_WARNING } from "./api-failure.js";
import type { Fault } from "./faults.js";

const NGINX_PAGE = (status: number): string =>
  `<html>\r\n<head><title>${status}</title></head>\r\n<body>\r\n<center><h1>${status}</h1></center>\r\n` +
  `<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;

/** A fault's change to the answer itself; `deliver` handles what happens on the wire. */
export function spoil(answer: Answer, fault: Fault | undefined): Answer {
  switch (fault?.kind) {
    case "warned-success":
      return { ...answer, errcode: 0, errmsg: `ok. ${WRONG_JSON_WARNING}` };
    case "missing-fields": {
      const kept = Object.entries(answer.payload).filter(([name]) => !fault.fields.includes(name));
      return { ...answer, payload: Object.fromEntries(kept) };
    }
    case "string-errcode":
      return { ...answer, errcode: String(answer.errcode) };
    case "huge-body":
      return { ...answer, payload: { ...answer.payload, padding: "x".repeat(fault.bytes) } };
    default:
      return answer;
  }
}

/** Resolves when everything has been sent, or the connection is closed. */
export async function deliver(response: ServerResponse, api: Api, answer: Answer, fault?: Fault): Promise<void> {
  if (response.destroyed) return; // the caller did not wait
  const isBare = api.isErrcodeOmitted === true && answer.errcode === 0;
  const { errcode, errmsg, payload } = answer;
  const text = Buffer.from(JSON.stringify(isBare ? payload : { errcode, errmsg, ...payload }));
  const head = (contentLength: number): void => {
    response.writeHead(200, {
      "content-type": "application/json; charset=UTF-8",
      "content-length": contentLength,
      "error-code": String(errcode),
      "error-msg": errmsg.replace(/[^\x20-\x7e]/g, "?"),
    });
  };
  switch (fault?.kind) {
    case "drop":
      response.destroy();
      return;
    case "hang":
      await once(response, "close");
      return;
    case "http":
      response.writeHead(fault.status, { "content-type": fault.contentType ?? "text/html" });
      response.end(fault.body ?? NGINX_PAGE(fault.status));
      return;
    case "empty-body":
      head(0);
      response.end();
      return;
    case "headers-only":
      head(text.length);
      response.flushHeaders();
      await once(response, "close");
      return;
    case "truncated-json": {
      const half = text.subarray(0, Math.ceil(text.length / 2));
      head(fault.isCut === true ? text.length : half.length);
      if (fault.isCut === true) response.write(half, () => response.destroy());
      else response.end(half);
      return;
    }
    case "trickle":
      head(text.length);
      await trickle(response, text, fault.byteIntervalMs);
      return;
    default:
      head(text.length);
      response.end(text);
  }
}

async function trickle(response: ServerResponse, text: Buffer, byteIntervalMs: number): Promise<void> {
  for (let sent = 0; sent < text.length && !response.destroyed; sent++) {
    response.write(text.subarray(sent, sent + 1));
    await pause(byteIntervalMs);
  }
  response.end();
}
