// Loaded into a gateway process before its own code: tells on stderr, at its end, how long its event loop was blocked.
import { monitorEventLoopDelay } from "node:perf_hooks";

const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();
process.on("exit", () => {
  const milliseconds = (percentile) => delays.percentile(percentile) / 1e6;
  process.stderr.write(
    `loop-delay ${JSON.stringify({ p50: milliseconds(50), p99: milliseconds(99), p999: milliseconds(99.9), max: delays.max / 1e6 })}\n`,
  );
});
