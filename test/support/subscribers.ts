// Clients that subscribe as a frontend does, with the libraries of the two protocols; and WeCom, which pushes.
import { createClient as createEventStreamClient } from "graphql-sse";
import { createClient as createWebSocketClient } from "graphql-ws";
import { setTimeout } from "node:timers/promises";
import { WebSocket } from "ws";
import { corpid, type Gateway } from "./gateway.js";

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

export function webSocketUrl(gateway: Gateway): string {
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
  while ((await openSubscriptions(gateway)) !== count) await setTimeout(10);
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
  const attempt = await gateway.simulator.callbacks.post(
    gateway.simulator.callbacks.seal(
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
    ),
  );
  if (attempt.status !== 200) throw new Error(`the callback was answered ${attempt.status}`);
}

/** From now on WeCom tells that gateway of the livings that its app makes. */
export function subscribeAtWecom(gateway: Gateway): void {
  const endpoint = { url: `${gateway.url}/wecom/callback`, token: callbackToken, aesKey: callbackAesKey };
  gateway.simulator.subscribe({ corpid, agentid: 1000014 }, endpoint);
}
