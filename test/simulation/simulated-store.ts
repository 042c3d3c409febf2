// The store that the replicas share, as the network shows it to each: late, away, emptied, or back at an older state.
import { type Expiry, type NewRecord, type Store, StoreError } from "../../src/stores/store.js";
import type { Process, World } from "./world.js";

interface StoredRecord {
  readonly value: string;
  readonly expiresAtMs: number;
}

export class SimulatedStore {
  #records = new Map<string, StoredRecord>();
  #queues = new Map<string, Map<string, number>>();
  #snapshot: (() => void) | undefined;
  awayUntilMs = -1;
  /** Away, it says so at once. */
  isRefusing = false;
  slowUntilMs = -1;
  /** Of its clock against the true time. */
  clockErrorMs = 0;
  /** When it lost what it had confirmed. */
  readonly lossesAtMs: number[] = [];

  constructor(
    private readonly world: World,
    private readonly random: () => number,
  ) {}

  get nowMs(): number {
    return this.world.nowMs + this.clockErrorMs;
  }

  empty(): void {
    this.lossesAtMs.push(this.world.nowMs);
    this.#records = new Map();
    this.#queues = new Map();
  }

  /** Remembers the state of this moment, for `rollBack`. */
  takeSnapshot(): void {
    const records = new Map(this.#records);
    const queues = new Map([...this.#queues].map(([name, members]) => [name, new Map(members)]));
    this.#snapshot = () => {
      this.#records = new Map(records);
      this.#queues = new Map(queues);
    };
  }

  rollBack(): void {
    if (!this.#snapshot) return;
    this.lossesAtMs.push(this.world.nowMs);
    this.#snapshot();
  }

  /** What lies there now, for the checker. */
  peek(key: string): string | undefined {
    const found = this.#records.get(key);
    return found && found.expiresAtMs > this.nowMs ? found.value : undefined;
  }

  /** The store as a process sees it. Commands of one connection keep their order. */
  connect(process: Process): Store {
    let lastArrivalMs = 0;
    const ask = <T>(command: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        const { world } = this;
        const latencyMs = () => (world.nowMs < this.slowUntilMs ? this.random() * 300 : 0.2 + this.random());
        const arrivesInMs = Math.max(latencyMs(), lastArrivalMs - world.nowMs);
        lastArrivalMs = world.nowMs + arrivesInMs;
        let isOver = false;
        const stopWaiting = world.after(500, process, () => {
          isOver = true;
          reject(new StoreError("the store did not answer"));
        });
        world.after(arrivesInMs, undefined, () => {
          if (world.nowMs < this.awayUntilMs) {
            if (this.isRefusing) {
              world.after(0.1, process, () => {
                if (isOver) return;
                stopWaiting();
                reject(new StoreError("the store refuses connections"));
              });
            }
            return;
          }
          const answer = command();
          const answersInMs = latencyMs();
          world.after(answersInMs, process, () => {
            // The answer is lost when the store goes away before it comes.
            if (isOver || world.nowMs < this.awayUntilMs) return;
            stopWaiting();
            resolve(answer);
          });
        });
      });
    const write = (key: string, value: string | undefined, expiry?: Expiry): void => {
      if (value === undefined) this.#records.delete(key);
      else this.#records.set(key, { value, expiresAtMs: this.nowMs + (expiry?.expiresInMs ?? Infinity) });
    };
    const queue = (name: string): Map<string, number> => {
      let members = this.#queues.get(name);
      if (!members) this.#queues.set(name, (members = new Map()));
      return members;
    };
    return {
      shortTimeoutMs: 100,
      get: (key) => ask(() => this.peek(key)),
      set: (key, value, expiry) =>
        ask(() => {
          write(key, value, expiry);
        }),
      delete: (key) =>
        ask(() => {
          const isThere = this.peek(key) !== undefined;
          this.#records.delete(key);
          return isThere;
        }),
      compareAndSet: (key, expected, value, expiry) =>
        ask(() => {
          if (this.peek(key) !== expected) return false;
          // No create keeps the end of a record.
          write(key, value, expiry as Expiry | undefined);
          return true;
        }),
      setNew: async (records) => {
        const writeNew = ({ key, value, expiresInMs }: NewRecord): Promise<void> =>
          ask(() => {
            if (this.peek(key) === undefined) write(key, value, { expiresInMs });
          });
        const answers = await Promise.allSettled(records.map(writeNew));
        const failures = answers.filter((each) => each.status === "rejected");
        if (failures[0] && failures.length === records.length) throw failures[0].reason;
        return answers.map(({ status }) => status === "fulfilled");
      },
      // eslint-disable-next-line @typescript-eslint/require-await -- as in the interface
      async *scan() {
        yield* [];
      },
      enqueue: (name, member, dueAt) =>
        ask(() => {
          queue(name).set(member, dueAt);
        }),
      due: (name, now, limit) =>
        ask(() =>
          [...queue(name)]
            .filter(([, dueAt]) => dueAt <= now)
            .sort(([, one], [, other]) => one - other)
            .slice(0, limit)
            .map(([member]) => member),
        ),
      dequeue: (name, member) =>
        ask(() => {
          queue(name).delete(member);
        }),
      publish: () => ask(() => undefined),
      subscribe: () => ask(() => () => undefined),
      listen: () => Promise.resolve({ isHearing: true, stop: () => undefined }),
      now: () => ask(() => this.nowMs),
      close: () => Promise.resolve(),
    };
  }
}
