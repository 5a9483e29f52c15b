/** The command line of the benchmark. */
import yargs from "yargs"
import type { Plan } from "./measures/measure.js"

export interface Options {
  /** Names of measures. */
  readonly only: readonly string[]
  /** Names of contenders; undefined: all, or those of a quick run. */
  readonly contenders: readonly string[] | undefined
  readonly quick: boolean
  /** The program that runs the contenders. */
  readonly node: string
  /** What to look into instead of comparing contenders. */
  readonly look: "cpu" | "allocations" | undefined
  readonly plan: Plan
}

const QUICK = { rounds: 5, roundMs: 100, warmUpMs: 12_000, idleTunnels: { few: 1000 }, memoryRounds: 1 }
const FULL = {
  rounds: 9,
  roundMs: 250,
  warmUpMs: 12_000,
  idleTunnels: { few: 3000, many: 9000 },
  memoryRounds: 2,
}

export async function readOptions(
  args: readonly string[],
  measures: readonly string[],
  contenders: readonly string[],
): Promise<Options> {
  const options = await yargs(args)
    .scriptName("npm run bench --")
    .usage(
      "Compares rws with other proxies: CPU time, latency and memory of the proxy's process.\n\n" +
        "Usage: $0 [options]",
    )
    .option("quick", { type: "boolean", default: false, describe: "Short rounds: about four minutes" })
    .option("only", {
      describe: "Measures, separated by commas (default: all)",
      choices: measures,
      coerce: splitList,
    })
    .option("contenders", {
      describe: "Contenders, separated by commas (default: all; with --quick those that run in Node)",
      choices: contenders,
      coerce: splitList,
    })
    .option("node", {
      type: "string",
      default: process.execPath,
      defaultDescription: "this one",
      describe: "Path of the Node that runs the contenders",
    })
    .option("cpu-prof", {
      type: "boolean",
      describe: "Profile the CPU time of one contender (default: rws) under one work (default: handshakes)",
    })
    .option("allocations", {
      type: "boolean",
      describe: "Likewise: count what it allocates and how often garbage is collected",
    })
    .conflicts("cpu-prof", "allocations")
    .strict()
    .version(false)
    .help()
    .wrap(110)
    .parse()
  return {
    only: options.only ?? measures,
    contenders: options.contenders,
    quick: options.quick,
    node: options.node,
    look: options.cpuProf ? "cpu" : options.allocations ? "allocations" : undefined,
    plan: options.quick ? QUICK : FULL,
  }
}

function splitList(text: string): string[] {
  return text.split(",")
}
