/**
 * A process that listens on a Unix socket on demand, for tests where several processes compete for one path.
 * Controlled by messages: a path starts a listener there, "close" stops it.
 */
import { BindError, createProxy, type RunningProxy } from "../../../lib/index.js"

/** The result of an attempt to listen: "listening", or the message of a `BindError`. */
export type Outcome = string

let proxy: RunningProxy | undefined

async function obey(order: string): Promise<Outcome> {
  if (order === "close") {
    await proxy?.close(0)
    proxy = undefined
    return "closed"
  }
  try {
    const ws_proxy = [{ bind: `unix:${order}`, backends: ["127.0.0.1:9"] }]
    proxy = await createProxy({ log: { level: "silent" }, ws_proxy })
    return "listening"
  } catch (error) {
    if (error instanceof BindError) return error.message
    throw error
  }
}

process.on("message", (order: string) => {
  void obey(order).then((outcome) => process.send?.(outcome))
})
process.on("disconnect", () => process.exit())
process.send?.("ready")
