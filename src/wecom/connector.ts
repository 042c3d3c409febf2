/**
 * Connections to WeCom that are reset when a call on them is aborted. After an ordinary close, the kernel still delivers what
 * was written: a create that was aborted during an outage arrived 82 s later. A reset discards it.
 *
 * @see https://nodejs.org/docs/latest-v20.x/api/net.html#socketresetanddestroy
 */
import { connect as connectTcp, type Socket } from "node:net";
import { buildConnector } from "undici";

export function resettingConnector(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector(options);
  return (target, callback) => {
    // TLS gets a TCP connection of ours, because only TCP connections can be reset.
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

/** undici destroys a socket with an error if a call is aborted, and without one otherwise. */
function resetWhenAborted<S extends Socket>(socket: S, tcp: Socket): S {
  const destroy = socket.destroy.bind(socket);
  let reason: Error | undefined;
  socket.destroy = (error) => {
    if (reason || !error || tcp.destroyed) return destroy(error ?? reason);
    reason = error;
    // Without TLS, this destroys `socket` itself, with the reason.
    tcp.resetAndDestroy();
    return socket.destroyed ? socket : destroy(error);
  };
  return socket;
}
