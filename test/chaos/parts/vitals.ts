// What a gateway's process holds, as it says itself in /metrics and as the kernel says it.
import { readFile } from "node:fs/promises";
import type { Replica } from "../../support/replica.js";
import { percentile } from "./form.js";

const megabyte = 1024 * 1024;

export interface Vitals {
  /** All of its memory that lies in RAM, pages of the store's file included. */
  readonly rssMb: number;
  /**
   * The part that is its own. The other part is mapped files, which the kernel takes back as it likes: the embedded store
   * grows with what is remembered for 24 hours, and is no leak.
   */
  readonly ownMb: number;
  readonly heapMb: number;
  readonly handles: number;
  readonly files: number;
}

export async function vitalsOf(replica: Replica): Promise<Vitals> {
  const response = await fetch(`${replica.url}/metrics`);
  const text = await response.text();
  const metric = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  const status = await readFile(`/proc/${replica.pid}/status`, "utf8");
  return {
    rssMb: metric("process_resident_memory_bytes") / megabyte,
    ownMb: Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024,
    heapMb: metric("nodejs_heap_size_used_bytes") / megabyte,
    handles: metric("nodejs_active_handles_total"),
    files: metric("process_open_fds"),
  };
}

/** The median slope between any two of the values (Theil and Sen): one step more, so much more. */
export function trend(values: readonly number[]): number {
  const slopes = values.flatMap((one, index) =>
    values.slice(index + 1).map((other, distance) => (other - one) / (distance + 1)),
  );
  return slopes.length === 0 ? 0 : percentile(slopes, 0.5);
}
