/** How a worker of `node:cluster` ends without losing a client. */
import { once } from "node:events"

/**
 * A primary that is busy for a while must still find the worker there: its acknowledgement to one that has
 * exited is a write error, which ends the primary, and a client that it passes on then waits for ever.
 */
const LEAVE_MS = 10_000

/**
 * Takes leave of the primary, in a worker of a cluster. The primary may have passed on a client before it
 * heard that the worker's listener was closed. Until it has acknowledged the leave, the worker hands such
 * clients back; later ones would wait for ever. Log nothing afterwards: in PM2 the log needs the primary.
 */
export async function leaveCluster(): Promise<void> {
  if (process.channel === undefined) return
  const { default: cluster } = await import("node:cluster")
  if (cluster.worker?.isConnected() !== true) return
  const left = once(process, "disconnect", { signal: AbortSignal.timeout(LEAVE_MS) })
  cluster.worker.disconnect()
  // A primary that hangs loses its clients anyway.
  await left.catch(() => {})
}
