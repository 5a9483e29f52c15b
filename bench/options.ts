/** The command line of the benchmark. */
import yargs from "yargs"
import type { Plan } from "./measures/rounds.js"

export interface Options extends Plan {
  /** Names of measures. */
  readonly only: readonly string[]
  /** Names of contenders. */
  readonly contenders: readonly string[]
  /** Idle tunnels that are opened to measure memory. */
  readonly idleTunnels: number
  /** How often that is done. */
  readonly memoryRounds: number
}

const QUICK = { warmUpMs: 200, rounds: 5, roundMs: 100, idleTunnels: 1000, memoryRounds: 1 }
const FULL = { warmUpMs: 600, rounds: 9, roundMs: 400, idleTunnels: 5000, memoryRounds: 3 }

export interface Names {
  readonly measures: readonly string[]
  readonly contenders: readonly string[]
  /** Those of the contenders that take part in a quick run unless others are asked for. */
  readonly quickContenders: readonly string[]
}

export async function readOptions(args: readonly string[], names: Names): Promise<Options> {
  const { quick, only, contenders } = await yargs(args)
    .scriptName("npm run bench --")
    .usage(
      "Compares rws with other proxies: CPU time and memory of the proxy's process.\n\nUsage: $0 [options]",
    )
    .option("quick", { type: "boolean", default: false, describe: "Take about a minute" })
    .option("only", {
      describe: "Measures, separated by commas (default: all)",
      choices: names.measures,
      coerce: splitList,
    })
    .option("contenders", {
      describe: "Contenders, separated by commas (default: all; with --quick those that run in Node)",
      choices: names.contenders,
      coerce: splitList,
    })
    .strict()
    .version(false)
    .help()
    .wrap(110)
    .parse()
  return {
    ...(quick ? QUICK : FULL),
    only: only ?? names.measures,
    contenders: contenders ?? (quick ? names.quickContenders : names.contenders),
  }
}

function splitList(text: string): string[] {
  return text.split(",")
}
