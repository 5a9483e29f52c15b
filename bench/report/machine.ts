/** The machine a benchmark ran on, without which figures mean nothing. */
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os"
import { type Entry, packageVersion } from "../contenders/contender.js"

const GIBIBYTE = 2 ** 30

export function describeRun(entries: readonly Entry[], args: readonly string[]): string {
  const cpu = cpus()[0]?.model.trim() ?? "unknown CPU"
  const memory = (totalmem() / GIBIBYTE).toFixed(1)
  const [load = 0] = loadavg()
  return [
    `machine     ${cpu}, ${availableParallelism()} cores, ${memory} GiB, ${type()} ${release()}`,
    `busy with   ${load.toFixed(1)} other processes on average in the last minute`,
    `node        ${process.version}`,
    `contenders  ${entries.map(({ name, version }) => `${name} (${version})`).join(", ")}`,
    `load        autocannon ${packageVersion("node_modules/autocannon/package.json")}, a raw TCP client`,
    `command     ${["npm run bench --", ...args].join(" ")}`,
  ].join("\n")
}
