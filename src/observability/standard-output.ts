/**
 * Standard output, for log lines and, without a file, the audit log. It may be a file on a full disk, or a pipe whose
 * reader hangs or has gone: the process goes on, and lines wait in memory, up to a bound.
 */
import { EventEmitter, once } from "node:events";
import { fstatSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type DestinationStream, pino } from "pino";
import type { AuditSink } from "./audit-log.js";

/** Lines beyond are dropped. */
const maxWaitingBytes = 5_000_000;
/** How long the end of the process waits for a reader that hangs. */
const flushLimitMs = 1000;

export function standardOutput(): DestinationStream {
  const found = fstatSync(1);
  return found.isFIFO() || found.isSocket() ? new PipeOutput() : fileOutput();
}

function fileOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, minLength: 0, maxLength: maxWaitingBytes });
  let isFailing = false;
  // pino's own listener ends the process on a full disk. What was not written is tried again with the next line.
  output.removeAllListeners("error").on("error", () => (isFailing = true));
  output.on("write", () => (isFailing = false));
  const flushSync = output.flushSync.bind(output);
  // At exit, pino calls this, which repeats until it succeeds: on a full disk the process would never end.
  output.flushSync = () => {
    if (!isFailing) flushSync();
  };
  return output;
}

/**
 * A pipe or a socket. pino's destination would write in a thread, which a full pipe blocks, and a process with such a
 * thread cannot end. `process.stdout` never blocks on them. Emits `drain` and `drop` as pino's destination does.
 */
class PipeOutput extends EventEmitter implements DestinationStream {
  constructor() {
    super();
    for (const emitter of [this, process.stdout]) emitter.on("error", () => undefined);
  }

  write(lines: string): void {
    const { stdout } = process;
    if (stdout.writableLength + lines.length > maxWaitingBytes) {
      this.emit("drop", lines);
      return;
    }
    stdout.write(lines, (error) => {
      if (error) this.emit("error", error);
      else if (stdout.writableLength === 0) this.emit("drain");
    });
  }
}

/** Resolves when all lines are written, or after a second. */
export async function flushed(output: DestinationStream): Promise<void> {
  if (!(output instanceof EventEmitter)) return;
  const limit = new AbortController();
  const written = once(output, "drain", { signal: limit.signal }).catch(() => undefined);
  output.write("");
  await Promise.race([written, pause(flushLimitMs, undefined, { signal: limit.signal }).catch(() => undefined)]);
  limit.abort();
}

/** Reports whether the lines were written, where `output` is standard output. */
export function auditOnto(output: DestinationStream): AuditSink {
  if (!(output instanceof EventEmitter)) {
    return {
      write: (lines) => {
        output.write(lines.join(""));
      },
    };
  }
  /** Lines of a failed write, which the stream still has. */
  let kept: readonly string[] = [];
  return {
    write: async (lines) => {
      const isRetry = kept.length > 0 && kept[0] === lines[0];
      const dropped: string[] = [];
      const drop = (text: string) => dropped.push(text);
      const written = once(output, "drain");
      output.once("drop", drop);
      output.write(lines.slice(isRetry ? kept.length : 0).join(""));
      output.off("drop", drop);
      if (dropped.length > 0) {
        written.catch(() => undefined);
        throw new Error("too many lines wait for stdout");
      }
      kept = lines;
      await written;
      kept = [];
    },
  };
}
