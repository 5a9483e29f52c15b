import { setImmediate as nextTurn } from "node:timers/promises"

/** Generous for slow machines. Exceeding it fails the test. */
const TOO_LONG_MS = 30_000

/** Turns the event loop until a condition holds for which there is no event. */
export async function turnUntil(isTrue: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + TOO_LONG_MS
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await nextTurn()
  }
}
