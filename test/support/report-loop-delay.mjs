// Loaded into a gateway process before its own code: on SIGUSR2 it tells on stderr how long the event loop was blocked since
// the last time it was asked.
import { monitorEventLoopDelay } from "node:perf_hooks";

const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();
process.on("SIGUSR2", () => {
  const milliseconds = (percentile) => delays.percentile(percentile) / 1e6;
  const report = { p50: milliseconds(50), p99: milliseconds(99), "p99.9": milliseconds(99.9), max: delays.max / 1e6 };
  process.stderr.write(`loop-delay ${JSON.stringify(report)}\n`);
  delays.reset();
});
