import type { IncomingMessage } from "node:http";
import { Batch } from "../lib/batch.js";

export type Body = { kind: "text"; text: string } | { kind: "too-long" } | { kind: "not-utf8" } | { kind: "aborted" };

const requests = new Batch();

/** @param maxBytes a longer body is rejected: by its content-length, or as soon as more bytes have arrived */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Body> {
  return new Promise((resolve) => {
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) {
      resolve({ kind: "too-long" });
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    let isWhole = false;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else resolve({ kind: "too-long" });
    });
    request.on("end", () => {
      isWhole = true;
      requests.add(() => {
        resolve(decode(chunks));
      });
    });
    request.on("close", () => {
      if (!isWhole) resolve({ kind: "aborted" });
    });
  });
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(chunks: Buffer[]): Body {
  try {
    return { kind: "text", text: utf8.decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)) };
  } catch {
    return { kind: "not-utf8" };
  }
}
