// Loaded into a gateway process before its own code: on SIGUSR2 it tells on stderr how long the event loop was blocked since
// the last time it was asked, by the clock and by the processor time that passed from one turn to the next. On a machine
// with other work the clock counts that as well; the processor time is this process's own.
import { createHistogram, monitorEventLoopDelay } from "node:perf_hooks";

const byClock = monitorEventLoopDelay({ resolution: 1 });
byClock.enable();
const byProcessor = createHistogram();
let { user, system } = process.cpuUsage();
setInterval(() => {
  const now = process.cpuUsage();
  byProcessor.record(Math.max(1, now.user + now.system - user - system) * 1000);
  ({ user, system } = now);
}, 1).unref();

const milliseconds = (histogram) => {
  const at = (percentile) => Math.round(histogram.percentile(percentile) / 1e5) / 10;
  return { p50: at(50), p99: at(99), "p99.9": at(99.9), max: Math.round(histogram.max / 1e5) / 10 };
};
process.on("SIGUSR2", () => {
  const report = { byClock: milliseconds(byClock), byProcessor: milliseconds(byProcessor) };
  process.stderr.write(`loop-delay ${JSON.stringify(report)}\n`);
  byClock.reset();
  byProcessor.reset();
});
