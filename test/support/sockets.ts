/** A WebSocket as a client of `graphql-transport-ws` opens it, without a client's library. */
import { WebSocket } from "ws";
import type { Gateway } from "./gateway.js";

/** @returns the code that the connection was closed with, or that it was acknowledged */
export function subscriberOver(gateway: Gateway, payload: unknown): Promise<number | "acknowledged"> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
    socket.on("open", () => {
      socket.send(JSON.stringify({ type: "connection_init", payload }));
    });
    socket.on("message", () => {
      socket.close();
      resolve("acknowledged");
    });
    socket.on("close", resolve);
    socket.on("error", reject);
  });
}
