/**
 * Collects young garbage every 4 MB of a stream. V8 counts what buffers hold outside of its heap as if it were old, and marks
 * all of the heap twice for an upload of 10 MB, whose chunks are garbage as soon as they are sent: a third of what it cost.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const everyBytes = 4 * 1024 * 1024;

let collect: ((options: { type: "minor" }) => void) | undefined;
let streamedBytes = 0;

export function countStreamed(bytes: number): void {
  streamedBytes += bytes;
  if (streamedBytes < everyBytes) return;
  streamedBytes = 0;
  collect ??= exposed();
  collect({ type: "minor" });
}

/** V8 puts it into contexts that are made while the flag is on. */
function exposed(): typeof collect & {} {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as typeof collect & {};
  setFlagsFromString("--no-expose-gc");
  return gc;
}
