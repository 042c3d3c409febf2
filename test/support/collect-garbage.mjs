// For `node --import`: what the heap is said to hold is in use, and not garbage of the last half second.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
setInterval(runInNewContext("gc"), 500).unref();
