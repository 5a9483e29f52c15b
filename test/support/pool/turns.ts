import { setImmediate as nextTurn } from "node:timers/promises"

/** Generous for any machine: reaching it fails the test and names what was awaited. */
const TOO_LONG_MS = 30_000

/** Turns the event loop until a condition holds that no event reports. */
export async function turnUntil(isTrue: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + TOO_LONG_MS
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`it did not come to ${what}`)
    await nextTurn()
  }
}
