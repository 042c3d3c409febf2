// Clients that subscribe as a frontend does, with the libraries of the two protocols; and WeCom, which pushes.
import { createClient as createEventStreamClient } from "graphql-sse";
import { createClient as createWebSocketClient } from "graphql-ws";
import { once } from "node:events";
import { WebSocket } from "ws";
import { corpid, type Gateway } from "./gateway.js";
import { until } from "./until.js";

const callbackToken = "CANARYcallbackToken";
const callbackAesKey = "CANARYaesKey".padEnd(43, "x");
export const callbackEnv = { WECOM_CALLBACK_TOKEN: callbackToken, WECOM_CALLBACK_AES_KEY: callbackAesKey };

export const statusChanges = `subscription ($livingid: ID, $anchorUserid: ID) {
  livingStatusChanged(livingid: $livingid, anchorUserid: $anchorUserid) { livingid status anchor { userid } changedAt }
}`;

export interface Payload {
  readonly query?: string;
  readonly variables?: Record<string, unknown>;
  readonly extensions?: Record<string, unknown>;
}

export interface Subscriber extends AsyncDisposable {
  /** An operation's results, in turn. It ends by a throw where the server reports an error. */
  run(payload: Payload): AsyncIterableIterator<{ data?: any; errors?: readonly any[] }>;
}

export type Connect = (gateway: Gateway, headers?: Readonly<Record<string, string>>) => Subscriber;

/** @param closed is told with which code and reason the connection was closed */
export function overWebSocket(
  gateway: Gateway,
  headers: Readonly<Record<string, string>> = {},
  options: { connectionParams?: Record<string, unknown>; closed?: (code: number, reason: string) => void } = {},
): Subscriber {
  for (const value of Object.values({ ...headers, ...options.connectionParams })) {
    const credential = typeof value === "string" ? value.replace(/^\w+ /, "") : "";
    if (credential.length >= 32) gateway.alsoSearch({ credential });
  }
  const client = createWebSocketClient({
    url: webSocketUrl(gateway),
    webSocketImpl: class extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols, { headers });
      }
    },
    retryAttempts: 0,
    ...(options.connectionParams && { connectionParams: options.connectionParams }),
    on: {
      message: (message) => {
        gateway.alsoSearch({ received: JSON.stringify(message) });
      },
      closed: (event) => {
        const { code, reason } = event as { code: number; reason: string };
        options.closed?.(code, reason);
      },
    },
  });
  return {
    run: ({ query = "", ...payload }) => client.iterate({ query, ...payload }) as ReturnType<Subscriber["run"]>,
    [Symbol.asyncDispose]: async () => {
      await client.dispose();
    },
  };
}

export interface RawSocket extends AsyncDisposable {
  readonly socket: WebSocket;
  /** Code and reason with which it was closed. */
  readonly closed: Promise<readonly [number, string]>;
  /** All in one write where `ws` lets them: they arrive together. Text is sent as it is. */
  send(...messages: readonly (object | string)[]): void;
  /** The next message that was not looked at yet. */
  next(): Promise<any>;
  /** What has arrived and was not looked at yet. */
  readonly unread: readonly any[];
}

/** A WebSocket without a library of the protocol: what is sent is what the test says, in that order. */
export async function rawSocket(
  gateway: Pick<Gateway, "url">,
  { headers = {}, signsIn = true }: { headers?: Record<string, string>; signsIn?: boolean } = {},
): Promise<RawSocket> {
  const socket = new WebSocket(webSocketUrl(gateway), "graphql-transport-ws", { headers });
  const unread: any[] = [];
  let arrived: (() => void) | undefined;
  socket.on("message", (bytes: Buffer) => {
    unread.push(JSON.parse(bytes.toString()));
    arrived?.();
  });
  const closed = once(socket, "close").then(([code, reason]) => [code as number, String(reason)] as const);
  await once(socket, "open");
  const raw: RawSocket = {
    socket,
    closed,
    unread,
    send: (...messages) => {
      for (const message of messages) socket.send(typeof message === "string" ? message : JSON.stringify(message));
    },
    next: async () => {
      while (unread.length === 0) {
        await new Promise<void>((resolve, reject) => {
          arrived = resolve;
          void closed.then(([code, reason]) => {
            reject(new Error(`closed with ${code} ${reason}`));
          });
        });
      }
      return unread.shift();
    },
    [Symbol.asyncDispose]: async () => {
      if (socket.readyState === socket.CLOSED) return;
      socket.terminate();
      await closed;
    },
  };
  if (signsIn) {
    raw.send({ type: "connection_init" });
    const { type } = await raw.next();
    if (type !== "connection_ack") throw new Error(`connection_init was answered ${type}`);
  }
  return raw;
}

export function overEventStream(gateway: Gateway, headers: Readonly<Record<string, string>> = {}): Subscriber {
  const client = createEventStreamClient({ url: `${gateway.url}/graphql`, headers, retryAttempts: 0 });
  return {
    run: (payload) => client.iterate(payload as { query: string }) as ReturnType<Subscriber["run"]>,
    [Symbol.asyncDispose]: () => {
      client.dispose();
      return Promise.resolve();
    },
  };
}

export function webSocketUrl(gateway: Pick<Gateway, "url">): string {
  return `${gateway.url.replace("http", "ws")}/graphql`;
}

/** The next result that is there. */
export async function next(results: AsyncIterator<{ data?: any; errors?: readonly any[] }>) {
  const { done, value } = await results.next();
  if (done) throw new Error("the subscription has ended");
  return value;
}

/** How many subscriptions the gateway says are open. */
export async function openSubscriptions(gateway: Gateway): Promise<number> {
  const { text } = await gateway.fetch("/metrics");
  return Number(/^graphql_subscriptions (\d+)$/m.exec(text)?.[1]);
}

export async function untilOpen(gateway: Gateway, count: number): Promise<void> {
  let open = NaN;
  await until(
    async () => (open = await openSubscriptions(gateway)) === count,
    () => ({ open, expected: count }),
  );
}

export interface StatusEvent {
  readonly LivingId: string;
  readonly Status: number;
  readonly CreateTime?: number;
  readonly FromUserName?: string;
  readonly ToUserName?: string;
}

/** WeCom pushes an event to that gateway; each is another one. */
export async function tell(gateway: Gateway, event: StatusEvent): Promise<void> {
  const target = { url: `${gateway.url}/wecom/callback`, token: callbackToken, aesKey: callbackAesKey };
  const sealed = gateway.simulator.callbacks.seal(
    { ...target, receiveid: corpid },
    {
      ToUserName: corpid,
      FromUserName: "zhangsan",
      CreateTime: 1_700_000_000,
      MsgType: "event",
      Event: "living_status_change",
      AgentID: 1000014,
      ...event,
    },
  );
  // As WeCom does: what is not answered in time, or with 503, is sent again.
  for (let attempt = 1; ; attempt += 1) {
    const { status } = await gateway.simulator.callbacks.post(sealed);
    if (status === 200) return;
    if (attempt === 20) throw new Error(`the callback was answered ${status}`);
  }
}

/** A burst: 200 at once, and each that is answered makes room for the next. */
export async function tellAll(gateway: Gateway, events: readonly StatusEvent[]): Promise<void> {
  const left = [...events];
  const one = async (): Promise<void> => {
    for (let event = left.shift(); event; event = left.shift()) await tell(gateway, event);
  };
  await Promise.all(Array.from({ length: 200 }, one));
}

/** From now on WeCom tells that gateway of the livings that its app makes. */
export function subscribeAtWecom(gateway: Gateway): void {
  const endpoint = { url: `${gateway.url}/wecom/callback`, token: callbackToken, aesKey: callbackAesKey };
  gateway.simulator.subscribe({ corpid, agentid: 1000014 }, endpoint);
}
