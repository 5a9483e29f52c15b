/** Starts contenders and checks that each passes bytes as a tunnel must. */
import { type Contender, type Entry, startContender } from "../contenders/contender.js"
import { CHECKS, findFaults } from "./checks.js"
import { inTurn } from "./in-turn.js"

/**
 * Resolves to those that pass the vital checks. Prints which ones they fail. If rws fails one, the exit code
 * will be 1.
 */
export async function startSound(entries: readonly Entry[], backendPort: number): Promise<Contender[]> {
  const sound: Contender[] = []
  await inTurn("starting", entries, async (entry) => {
    const contender = await startContender(entry, backendPort)
    if (await isSound(contender)) sound.push(contender)
    else await contender.process?.stop()
  })
  return sound
}

async function isSound({ name, kind, port }: Contender): Promise<boolean> {
  const faults = await findFaults(port)
  for (const { check, error } of faults) console.log(`${name} FAILS ${check.name}: ${error.message}`)
  if (faults.length === 0) console.log(`${name} passes all ${CHECKS.length} checks`)
  else if (kind === "rws") process.exitCode = 1
  const isSound = !faults.some(({ check }) => check.vital)
  if (!isSound) console.log(`${name} is left out`)
  return isSound
}
