/** A wait with a deadline, for worker threads that may be blocked. */
import type { Clock } from "../shared/clock.js"

/** Settles as the reply does, or resolves to undefined if it takes longer. */
export function inTime<Reply>(replied: Promise<Reply>, ms: number, clock: Clock): Promise<Reply | undefined> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => resolve(undefined))
    replied.finally(() => timer.cancel()).then(resolve, reject)
  })
}
