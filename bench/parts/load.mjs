/**
 * The load: a process of its own that keeps `connections` sockets busy, one request after the other on each, and counts.
 * On plain sockets, with the requests written out beforehand, it takes about a quarter of what the leanest server takes.
 * It lives as long as the bench, so that no contender meets it cold.
 */
import { connect } from "node:net";

/** @typedef {{ port: number, path: string, headers: object, body: string, variants?: number, connections: number, seconds?: number, requests?: number, mark: string }} Order */

/** @param {Order} order `%N%` in the body and the headers counts up to `variants` */
function requestsOf({ port, path, headers, body, variants = 1 }) {
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Array.from({ length: variants }, (_, index) => {
    const text = body.replaceAll("%N%", index);
    return Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n` +
        `Accept: application/json\r\n${more.join("").replaceAll("%N%", index)}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
  });
}

/** @returns {number} the length of the answer that `text` begins with; 0 while that cannot be told */
function lengthOfAnswer(text) {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text);
  if (length) return headEnd + 4 + Number(length[1]);
  const end = text.indexOf("\r\n0\r\n\r\n", headEnd);
  return end < 0 ? 0 : end + 7;
}

/** @param {Order} order Runs for `seconds` or for `requests`; a good answer is a 200 that contains `mark`. */
function run(order) {
  const requests = requestsOf(order);
  const times = [];
  let sent = 0;
  let wrong = 0;
  let failed = 0;
  let example = "";
  const startedAt = performance.now();
  const endsAt = order.seconds === undefined ? Infinity : startedAt + order.seconds * 1000;
  const mostRequests = order.requests ?? Infinity;

  return new Promise((resolve) => {
    let open = order.connections;
    const done = (socket) => {
      socket.destroy();
      open -= 1;
      if (open > 0) return;
      times.sort((a, b) => a - b);
      resolve({
        requests: times.length,
        seconds: (performance.now() - startedAt) / 1000,
        p50: times[Math.floor(times.length * 0.5)] ?? NaN,
        p99: times[Math.floor(times.length * 0.99)] ?? NaN,
        wrong,
        failed,
        example,
      });
    };
    for (let index = 0; index < order.connections; index++) {
      let buffered = "";
      let sentAt = 0;
      const socket = connect({ port: order.port, host: "127.0.0.1", noDelay: true });
      socket.setEncoding("latin1");
      const next = () => {
        if (sent >= mostRequests || performance.now() >= endsAt) return done(socket);
        sentAt = performance.now();
        socket.write(requests[sent++ % requests.length]);
      };
      socket.once("connect", next);
      socket.on("data", (text) => {
        buffered += text;
        const length = lengthOfAnswer(buffered);
        if (length === 0 || buffered.length < length) return;
        times.push(performance.now() - sentAt);
        if (!buffered.startsWith("HTTP/1.1 200") || !buffered.includes(order.mark)) {
          wrong += 1;
          example ||= buffered;
        }
        buffered = "";
        next();
      });
      const fail = () => {
        failed += 1;
        done(socket);
      };
      socket.once("error", fail);
      socket.once("end", fail);
    }
  });
}

process.on("message", async (order) => process.send(await run(order)));
process.on("disconnect", () => process.exit());
process.send({ isReady: true });
