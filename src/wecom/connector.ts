/**
 * Connections to WeCom that are reset when a call on them is given up. An ordinary close leaves what was written to the
 * kernel, which goes on delivering it: a create that was aborted during an outage arrived 82 s later. A reset drops it.
 *
 * @see https://nodejs.org/docs/latest-v20.x/api/net.html#socketresetanddestroy
 */
import { connect as connectTcp, type Socket } from "node:net";
import { buildConnector } from "undici";

export function resettingConnector(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector(options);
  return (target, callback) => {
    // TLS has a TCP connection of its own below it, for only that can be reset.
    const tcp =
      target.protocol === "https:"
        ? connectTcp({ host: target.hostname, port: Number(target.port || 443) }).setNoDelay(true)
        : undefined;
    connect({ ...target, ...(tcp && { httpSocket: tcp }) }, (...[error, socket]) => {
      if (error) callback(error, null);
      else callback(null, resetWhenAborted(socket, tcp ?? socket));
    });
  };
}

/** undici destroys a socket with an error when a call on it is aborted, and without one when it is done with it. */
function resetWhenAborted<S extends Socket>(socket: S, tcp: Socket): S {
  const destroy = socket.destroy.bind(socket);
  let reason: Error | undefined;
  socket.destroy = (error) => {
    if (reason || !error || tcp.destroyed) return destroy(error ?? reason);
    reason = error;
    // Destroys `socket` itself, with the reason, where there is no TLS on top.
    tcp.resetAndDestroy();
    return socket.destroyed ? socket : destroy(error);
  };
  return socket;
}
