// For `node --import`: what the process tells of itself is what lives. The heap is without the garbage of the last half
// second, and the active resources have the timers that do not keep the process alive, which Node leaves out.
import { createHook } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
setInterval(runInNewContext("gc"), 500).unref();

const timers = new Set();
createHook({
  init: (id, type) => type === "Timeout" && timers.add(id),
  destroy: (id) => timers.delete(id),
}).enable();
const listed = process.getActiveResourcesInfo.bind(process);
process.getActiveResourcesInfo = () => [
  ...listed().filter((type) => type !== "Timeout"),
  ...Array.from(timers, () => "Timeout"),
];
