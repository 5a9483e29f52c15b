/**
 * The benchmark: checks that every contender passes bytes as a tunnel must, gives all of them the same work
 * in turn, and prints what it has cost their processes. It judges in words only: the machine may be busy, so
 * no figure ever changes the exit code. That is 1 if rws fails a check or does not stand a load.
 */
import { hideBin } from "yargs/helpers"
import { startChild } from "./contenders/child.js"
import { entries } from "./contenders/contender.js"
import { LOAD_RUNTIME, runtimeAt } from "./contenders/runtime.js"
import { lookInside } from "./look-inside.js"
import { MEASURES } from "./measures/all.js"
import type { Finding } from "./measures/measure.js"
import { startSound } from "./measures/sound.js"
import { readOptions } from "./options.js"
import { formatClaims } from "./report/claims.js"
import { describeRun } from "./report/machine.js"
import { formatFinding } from "./report/report.js"
import { formatTargets } from "./report/targets.js"

// Exit handlers end the programs that were started, but a signal alone does not run them.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1))

const args = hideBin(process.argv)
const names = entries(LOAD_RUNTIME).entries.map(({ name }) => name)
const options = await readOptions(
  args,
  MEASURES.map(({ name }) => name),
  names,
)
const runtime = runtimeAt(options.node)
const { entries: all, missing } = entries(runtime)
const chosen = all.filter(
  ({ name, isQuick }) => options.contenders?.includes(name) ?? (isQuick || !options.quick),
)
console.log(`${describeRun(runtime, chosen, missing, args)}\n`)

const backend = await startChild("load/backend.js", [], LOAD_RUNTIME)
if (options.look === undefined) await compare()
else await lookInside(options, backend.port, runtime)
await backend.stop()

async function compare(): Promise<void> {
  const contenders = await startSound(chosen, backend.port)
  const isSound = (name: string) => contenders.some((contender) => contender.name === name)
  const arena = {
    contenders,
    entries: chosen.filter(({ name }) => isSound(name)),
    backendPort: backend.port,
    runtime,
    plan: options.plan,
  }
  const findings: Finding[] = []
  for (const measure of MEASURES.filter(({ name }) => options.only.includes(name))) {
    for (const finding of await measure.run(arena)) {
      console.log(`\n${formatFinding(finding)}`)
      findings.push(finding)
    }
  }
  for (const { process } of contenders) await process?.stop()
  for (const summary of [formatTargets(findings), formatClaims(findings)]) {
    if (summary !== "") console.log(`\n${summary}`)
  }
}
