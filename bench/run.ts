/**
 * The benchmark: checks that every contender passes bytes as a tunnel must, gives all of them the same work
 * in turn, and prints what it has cost their processes. It judges in words only: the machine may be busy, so
 * no figure ever changes the exit code. That is 1 if rws fails a check or does not stand a load.
 */
import { hideBin } from "yargs/helpers"
import { startChild } from "./contenders/child.js"
import { type Contender, type Entry, entries, startContenders } from "./contenders/contender.js"
import { download, upload } from "./measures/bulk.js"
import { CHECKS, findFaults } from "./measures/checks.js"
import { handshakes } from "./measures/handshakes.js"
import type { Measure } from "./measures/measure.js"
import { memoryPerTunnel } from "./measures/memory.js"
import { messages } from "./measures/messages.js"
import { refusals } from "./measures/refusals.js"
import { roundTrips } from "./measures/round-trips.js"
import { runRounds } from "./measures/rounds.js"
import { readOptions } from "./options.js"
import { describeRun } from "./report/machine.js"
import { formatMemory, formatResults, formatVerdict, judge } from "./report/report.js"

const MEASURES: readonly Measure[] = [handshakes, refusals, messages, roundTrips, download, upload]
const MEMORY = "memory"

const all = entries()
const args = hideBin(process.argv)
const options = await readOptions(args, {
  measures: [...MEASURES.map(({ name }) => name), MEMORY],
  contenders: all.map(({ name }) => name),
  quickContenders: all.filter(({ kind }) => kind !== "system").map(({ name }) => name),
})
const chosen = all.filter(({ name }) => options.contenders.includes(name))
console.log(`${describeRun(chosen, args)}\n`)

const backend = await startChild("load/backend.js", [])
const contenders = await startContenders(chosen, backend.port)
const sound: Contender[] = []
for (const contender of contenders) if (await isSound(contender)) sound.push(contender)

const judged: string[][] = []
for (const measure of MEASURES.filter(({ name }) => options.only.includes(name))) {
  const results = await runRounds(measure, sound, options)
  console.log(`\n${formatResults(measure, results)}`)
  judged.push(...judge(measure, results))
}
for (const { process } of contenders) await process?.stop()

if (options.only.includes(MEMORY)) {
  const names = sound.filter(({ process }) => process !== undefined).map(({ name }) => name)
  const bytes = await measureMemory(chosen.filter(({ name }) => names.includes(name)))
  console.log(`\n${formatMemory(options.idleTunnels, bytes)}`)
}
await backend.stop()
if (judged.length > 0) console.log(`\n${formatVerdict(judged)}`)

/** Prints the checks that the contender fails. Returns whether to measure it. */
async function isSound({ name, kind, port }: Contender): Promise<boolean> {
  const faults = await findFaults(port)
  for (const { check, error } of faults) console.log(`${name} FAILS ${check.name}: ${error.message}`)
  if (faults.length === 0) console.log(`${name} passes all ${CHECKS.length} checks`)
  else if (kind === "rws") process.exitCode = 1
  const isSound = !faults.some(({ check }) => check.vital)
  if (!isSound) console.log(`${name} is left out`)
  return isSound
}

/** The contenders take turns here, too. */
async function measureMemory(entries: readonly Entry[]): Promise<Map<string, number[]>> {
  const bytes = new Map<string, number[]>(entries.map(({ name }) => [name, []]))
  for (let round = 0; round < options.memoryRounds; round++) {
    for (const entry of entries) {
      bytes.get(entry.name)?.push(await memoryPerTunnel(entry, backend.port, options.idleTunnels))
    }
  }
  return bytes
}
