import type { Socket } from "node:net"
import { setImmediate as nextTurn } from "node:timers/promises"

/** Event loop turns without progress after which a sender counts as stalled. */
const SILENT_TURNS = 500

/**
 * Waits until what is written to `sender` is no longer taken, or all has been. In one process with the proxy
 * every turn of the event loop moves what can be moved, so turns without progress mean that somebody on the
 * way does not read.
 */
export async function untilStalled(sender: Socket): Promise<void> {
  let waiting = sender.writableLength
  for (let silent = 0; silent < SILENT_TURNS && waiting > 0; silent++) {
    await nextTurn()
    if (sender.writableLength !== waiting) silent = 0
    waiting = sender.writableLength
  }
}
