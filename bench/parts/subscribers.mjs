/**
 * Subscribers over WebSocket: a process of its own, on plain sockets, so that reading an event costs the load as little as
 * can be. Orders: `open` (so many that subscribe to `query`), `times` (when each heard the event, in ms of the machine's
 * clock), `close`.
 */
import { connect } from "node:net";
import { once } from "node:events";

const sockets = [];

function frame(text) {
  const bytes = Buffer.from(text);
  const length = bytes.length < 126 ? [0x80 | bytes.length] : [0xfe, bytes.length >> 8, bytes.length & 0xff];
  // A mask of zeros leaves the text as it is.
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), bytes]);
}

async function subscribe({ port, headers, query }) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  const state = { socket, heardAt: NaN };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on("error", () => socket.destroy());
  socket.write(
    `GET /graphql HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${head.join("")}` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
      "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n",
  );
  const until = async (text) => {
    for (let seen = ""; !seen.includes(text);) seen += (await once(socket, "data"))[0].toString("latin1");
  };
  await until("\r\n\r\n");
  socket.write(frame('{"type":"connection_init"}'));
  await until("connection_ack");
  socket.write(frame(JSON.stringify({ id: "1", type: "subscribe", payload: { query } })));
  socket.on("data", (bytes) => {
    // Small frames are the server's pings.
    if (bytes.length > 20) state.heardAt = performance.timeOrigin + performance.now();
  });
  sockets.push(state);
}

process.on("message", async (order) => {
  if (order.open) {
    for (let opened = 0; opened < order.open; opened += 100) {
      await Promise.all(Array.from({ length: Math.min(100, order.open - opened) }, () => subscribe(order)));
    }
  }
  const times = order.times ? sockets.map(({ heardAt }) => heardAt) : undefined;
  if (order.times) for (const state of sockets) state.heardAt = NaN;
  if (order.close) for (const { socket } of sockets.splice(0)) socket.destroy();
  process.send({ times, open: sockets.length });
});
process.on("disconnect", () => process.exit());
process.send({});
