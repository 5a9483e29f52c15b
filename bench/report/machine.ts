/** What a benchmark ran on, without which figures mean nothing. */
import { availableParallelism, cpus, loadavg, release, totalmem, type } from "node:os"
import { type Entry, packageVersion } from "../contenders/contender.js"
import { openFilesLimits, type Runtime } from "../contenders/runtime.js"

const GIBIBYTE = 2 ** 30

export function describeRun(
  runtime: Runtime,
  entries: readonly Entry[],
  missing: readonly string[],
  args: readonly string[],
): string {
  const cpu = cpus()[0]?.model.trim() ?? "unknown CPU"
  const memory = (totalmem() / GIBIBYTE).toFixed(1)
  const [load = 0] = loadavg()
  const { own, contender } = openFilesLimits()
  const autocannon = packageVersion("node_modules/autocannon/package.json")
  return [
    `machine     ${cpu}, ${availableParallelism()} cores, ${memory} GiB, ${type()} ${release()}`,
    `busy with   ${load.toFixed(1)} other processes on average in the last minute`,
    `node        ${runtime.version} for contenders, ${process.version} for clients and backend`,
    `flags       ${runtime.flags.join(" ") || "none"}; NODE_OPTIONS ${process.env.NODE_OPTIONS || "none"}`,
    `open files  ${contender ?? "unknown"} for each contender, ${own ?? "unknown"} for clients and for the backend`,
    `contenders  ${entries.map(({ name, version }) => `${name} (${version})`).join(", ")}`,
    ...(missing.length > 0
      ? [`missing     ${missing.join(", ")}: the programs they need are not installed`]
      : []),
    `load        a raw TCP client, autocannon ${autocannon}`,
    `command     ${["npm run bench --", ...args].join(" ")}`,
  ].join("\n")
}
