/** What the machine tells of its processes, where it is a Linux: CPU, memory, and what others take. Elsewhere: nothing. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const isLinux = existsSync("/proc/self/stat");
/** The kernel counts CPU time for user space in hundredths of a second, whatever its own clock does. */
const msPerTick = 10;

/** Two CPUs on which this process may run, for the server and for everything else; undefined where nothing can be pinned. */
export const cpus = twoCpus();

function twoCpus() {
  if (!isLinux || spawnSync("taskset", ["--version"]).status !== 0) return undefined;
  const list = /Cpus_allowed_list:\s*(\S+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
  const allowed = list.split(",").flatMap((range) => {
    const [from, to = from] = range.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
  return allowed.length < 2 ? undefined : { server: allowed[0], load: allowed[1] };
}

/** @param {"server" | "load"} role */
export function pinned(role, command) {
  return cpus ? ["taskset", "-c", String(cpus[role]), ...command] : command;
}

/** The fields of /proc/PID/stat from the third on; undefined for a process that has ended. */
function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function withChildren(pid) {
  const childrenOf = new Map();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? stat(name)?.[1] : undefined;
    if (parent !== undefined) childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), name]);
  }
  const family = [String(pid)];
  for (const member of family) family.push(...(childrenOf.get(member) ?? []));
  return family;
}

/** CPU time (user and system) and resident memory of a process and its children; NaN where that cannot be told. */
export function usage(pid) {
  if (!isLinux) return { cpuMs: NaN, memoryMb: NaN };
  let cpuMs = 0;
  let memoryMb = 0;
  for (const member of withChildren(pid)) {
    const fields = stat(member);
    if (!fields) continue;
    cpuMs += (Number(fields[11]) + Number(fields[12])) * msPerTick;
    const status = readFileSync(`/proc/${member}/status`, "utf8");
    memoryMb += Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }
  return { cpuMs, memoryMb };
}

/** CPU time, in ms, that went to processes which the bench did not start, and to other guests of the same host. */
export function foreignCpuMs() {
  if (!isLinux) return 0;
  const [, user, nice, system, , , irq, softirq, steal] = readFileSync("/proc/stat", "utf8").split(/\s+/).map(Number);
  const busy = (user + nice + system + irq + softirq + steal) * msPerTick;
  const own = withChildren(process.pid).reduce((sum, member) => {
    const fields = stat(member);
    return fields ? sum + [11, 12, 13, 14].reduce((ticks, at) => ticks + Number(fields[at]), 0) * msPerTick : sum;
  }, 0);
  return busy - own;
}
