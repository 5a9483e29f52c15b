/** How a worker of `node:cluster` ends without losing a client. */
import { once } from "node:events"

/**
 * Takes leave of the primary, in a worker of a cluster. The primary may have passed on a client before it
 * heard that the worker's listener was closed. Until it has acknowledged the leave, the worker hands such
 * clients back; later ones would wait for ever. Log nothing afterwards: in PM2 the log needs the primary.
 */
export async function leaveCluster(timeoutMs: number): Promise<void> {
  if (process.channel === undefined) return
  const { default: cluster } = await import("node:cluster")
  if (cluster.worker?.isConnected() !== true) return
  const left = once(process, "disconnect", { signal: AbortSignal.timeout(timeoutMs) })
  cluster.worker.disconnect()
  // A primary that hangs loses its clients anyway.
  await left.catch(() => {})
}
