/** HTTP as bytes: what no client library would send. */
import { connect } from "node:net";

/** Sends `parts`, half-closes nothing, and resolves with all that came back once it `isEnough` or the connection ended. */
export function sendRaw(
  url: string,
  parts: string | readonly string[],
  isEnough: (received: string) => boolean = () => false,
): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(Number(port), hostname, () => {
      for (const part of typeof parts === "string" ? [parts] : parts) socket.write(part, "latin1");
    });
    socket.setEncoding("latin1");
    socket.on("error", () => undefined);
    socket.on("data", (text) => {
      received += String(text);
      if (isEnough(received)) socket.destroy();
    });
    socket.on("close", () => {
      resolve(received);
    });
  });
}

/** The status of each answer, in turn. */
export function statusesOf(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** @param headers lines without their ends */
export function rawRequest(requestLine: string, headers: readonly string[] = [], body = ""): string {
  const lines = [requestLine, "host: 127.0.0.1", ...headers, ...(body ? [`content-length: ${body.length}`] : [])];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
