/**
 * The channels that this process listens to, on a connection of their own. Each new connection starts with a gap,
 * because messages may have been missed.
 */
import { type ConnectionOptions, RedisConnection } from "./redis-connection.js";
import type { ListeningLink } from "./redis-clients.js";
import { type ChannelListener, deliver, type Listening, type OnUnreadable } from "./store.js";

interface Listener {
  readonly channel: string;
  readonly listener: ChannelListener;
  readonly receive: (message: string) => void;
  isHearing: boolean;
}

export class RedisListeners {
  readonly #connection: RedisConnection<ListeningLink>;
  readonly #listeners = new Set<Listener>();

  constructor(private readonly options: ConnectionOptions<ListeningLink> & { readonly onUnreadable: OnUnreadable }) {
    this.#connection = new RedisConnection({
      ...options,
      onUp: async (link) => {
        await Promise.all([...this.#listeners].map((each) => this.#subscribe(link, each)));
      },
      onDown: () => {
        for (const each of this.#listeners) {
          const wasHearing = each.isHearing;
          each.isHearing = false;
          if (wasHearing) each.listener.onGap?.();
        }
      },
    });
  }

  async open(): Promise<void> {
    await this.#connection.open();
  }

  async listen(channel: string, listener: ChannelListener): Promise<Listening> {
    const receive = (message: string): void => {
      if (each.isHearing) deliver(channel, message, listener, this.options.onUnreadable);
    };
    const each: Listener = { channel, listener, receive, isHearing: false };
    this.#listeners.add(each);
    // If the channel cannot be subscribed, the connection is replaced, and all channels are subscribed on the new one.
    await this.#connection
      .ask((link) => this.#subscribe(link, each))
      .catch((error: unknown) => {
        this.#connection.drop(error);
      });
    return {
      get isHearing() {
        return each.isHearing;
      },
      stop: () => {
        this.#listeners.delete(each);
        each.isHearing = false;
        void this.#connection.link?.client.unsubscribe(channel, receive).catch(() => undefined);
      },
    };
  }

  close(): void {
    this.#listeners.clear();
    this.#connection.close();
  }

  async #subscribe({ client }: ListeningLink, each: Listener): Promise<void> {
    await client.subscribe(each.channel, each.receive);
    // If another listener is already subscribing to the channel, the client resolves before Redis confirms. A ping is
    // answered after that.
    await client.ping();
    if (!this.#listeners.has(each) || each.isHearing) return;
    each.isHearing = true;
    each.listener.onHearing?.();
  }
}
