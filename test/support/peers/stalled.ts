import type { Socket } from "node:net"
import { setImmediate as nextTurn } from "node:timers/promises"

/** Event loop turns without progress after which a sender counts as stalled. */
const SILENT_TURNS = 500

/**
 * Waits until the kernel takes nothing more that is written to `sender`, or has taken everything. In one
 * process with the proxy every turn of the event loop moves all that can be moved, so turns without progress
 * mean that the proxy or the far end does not read.
 */
export async function untilStalled(sender: Socket): Promise<void> {
  let waiting = sender.writableLength
  for (let silent = 0; silent < SILENT_TURNS && waiting > 0; silent++) {
    await nextTurn()
    if (sender.writableLength !== waiting) silent = 0
    waiting = sender.writableLength
  }
}
