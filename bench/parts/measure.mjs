/** One slice of load on one server, and the patience to wait for a machine that is quiet enough for it. */
import { setTimeout as pause } from "node:timers/promises";
import { foreignCpuMs, usage } from "./machine.mjs";
import { livingid } from "./servers.mjs";

/** In cores. What others run disturbs caches and turns; above this a slice says more of them than of the server. */
const mostForeignCpu = 0.25;
const patienceMs = 120_000;

export class MachineTooBusy extends Error {}

export class Bench {
  /** @param load the helper of load.mjs */
  constructor(load) {
    this.load = load;
  }

  /** Load without measuring, for so many seconds of the server's CPU: by then its code is compiled, its caches are full. */
  async warmUp(server, seconds) {
    const before = usage(server.pid).cpuMs;
    for (let turn = 0; turn < seconds * 10; turn++) {
      await this.run(server, { connections: 64, seconds: 1 });
      if (!(usage(server.pid).cpuMs - before < seconds * 1000)) return;
    }
  }

  /**
   * @param {{ connections: number, seconds?: number, requests?: number, headers?: object, body?: string, variants?: number, mark?: string }} order
   * @throws {MachineTooBusy}
   */
  async slice(server, order) {
    return quietly(async () => {
      const before = usage(server.pid);
      const { requests, seconds, p50, p99 } = await this.run(server, order);
      const after = usage(server.pid);
      const cpuUs = ((after.cpuMs - before.cpuMs) * 1000) / requests;
      return { cpuUs, perSecond: requests / seconds, p50, p99, memoryMb: after.memoryMb };
    });
  }

  /** @throws when a single answer is wrong */
  async run({ contender, port, path, headers }, order) {
    const result = await this.load.ask({ port, path, headers, body: contender.body, mark: livingid, ...order });
    if (result.failed > 0 || result.wrong > 0) {
      const counts = `${result.wrong} wrong answers, ${result.failed} broken connections`;
      throw new Error(`${contender.name}: ${counts} of ${result.requests}. ${result.example}`);
    }
    return result;
  }
}

/**
 * Repeats `measure` until others left the machine alone meanwhile; `discard` gets what the other attempts gave.
 *
 * @throws {MachineTooBusy}
 */
export async function quietly(measure, discard = () => undefined) {
  const endsAt = performance.now() + patienceMs;
  for (;;) {
    let { foreign } = await watched(() => pause(200));
    if (foreign <= mostForeignCpu) {
      const watch = await watched(measure);
      if (watch.foreign <= mostForeignCpu) return watch.value;
      await discard(watch.value);
      foreign = watch.foreign;
    }
    if (performance.now() > endsAt) {
      throw new MachineTooBusy(
        `The machine is too busy to tell: other processes take ${foreign.toFixed(2)} cores, after ` +
          `${patienceMs / 1000} s of waiting; at most ${mostForeignCpu} are bearable.`,
      );
    }
  }
}

async function watched(measure) {
  const foreignBefore = foreignCpuMs();
  const startedAt = performance.now();
  const value = await measure();
  return { value, foreign: (foreignCpuMs() - foreignBefore) / (performance.now() - startedAt) };
}
