import type { IncomingMessage } from "node:http";

/** 100 kB is some fifty times a `createLiving` with every field; a longer body is refused before it is read. */
export const maxBodyBytes = 100_000;

export type Body = { kind: "text"; text: string } | { kind: "too-long" } | { kind: "not-utf8" } | { kind: "aborted" };

export function readBody(request: IncomingMessage): Promise<Body> {
  return new Promise((resolve) => {
    if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) {
      resolve({ kind: "too-long" });
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBodyBytes) chunks.push(chunk);
      else resolve({ kind: "too-long" });
    });
    request.on("end", () => resolve(decode(chunks)));
    request.on("error", () => resolve({ kind: "aborted" }));
    request.on("close", () => resolve({ kind: "aborted" }));
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
