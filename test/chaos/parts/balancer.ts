// The least that a load balancer does: requests in turn to the replicas that say that they are ready.
import { Pool } from "undici";
import type { Replica } from "../../support/replica.js";

const pollMs = 100;

interface Backend {
  readonly replica: Replica;
  readonly pool: Pool;
  /** For the polls alone: they must not wait behind requests. */
  readonly probes: Pool;
  isReady: boolean;
  readonly polling: NodeJS.Timeout;
}

export class Balancer implements AsyncDisposable {
  readonly #backends: Backend[] = [];
  #turn = 0;

  /** It gets requests once it has said that it is ready. */
  async add(replica: Replica): Promise<void> {
    const pool = new Pool(replica.url, { connections: 64 });
    const probes = new Pool(replica.url, { connections: 1 });
    const poll = async (): Promise<void> => {
      try {
        const { statusCode, body } = await probes.request({ method: "GET", path: "/health/ready" });
        await body.dump();
        backend.isReady = statusCode === 200;
      } catch {
        backend.isReady = false;
      }
    };
    const backend: Backend = { replica, pool, probes, isReady: false, polling: setInterval(() => void poll(), pollMs) };
    this.#backends.push(backend);
    while (!backend.isReady) await poll();
  }

  /** After it has ended. */
  async remove(replica: Replica): Promise<void> {
    const index = this.#backends.findIndex((backend) => backend.replica === replica);
    const [backend] = this.#backends.splice(index, 1);
    if (backend === undefined) return;
    clearInterval(backend.polling);
    await Promise.all([backend.pool.destroy(), backend.probes.destroy()]);
  }

  /** A POST to /graphql: the body of the answer, or why there is none. */
  async ask(body: string): Promise<string> {
    const ready = this.#backends.filter(({ isReady }) => isReady);
    const backend = ready[this.#turn++ % ready.length];
    if (backend === undefined) return "nobody is ready";
    try {
      const headers = { "content-type": "application/json" };
      const response = await backend.pool.request({ method: "POST", path: "/graphql", headers, body });
      const text = await response.body.text();
      return response.statusCode === 200 ? text : `HTTP ${response.statusCode}`;
    } catch (error) {
      // Certainly not sent: any balancer takes the next one then.
      if (error instanceof Error && "code" in error && error.code === "ECONNREFUSED") {
        backend.isReady = false;
        return await this.ask(body);
      }
      return String(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { replica } of [...this.#backends]) await this.remove(replica);
  }
}
