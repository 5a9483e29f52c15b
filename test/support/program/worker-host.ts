/**
 * A proxy with worker threads in its own process, which may run another Node.js than the tests. Its argument
 * is a configuration in JSON, and it is controlled by messages.
 */
import { pino } from "pino"
import type { Config } from "../../../lib/config/schema.js"
import { createProxy } from "../../../lib/index.js"

export type HostOrder =
  | { readonly crash: number }
  | { readonly reload: Config }
  /** Absent: by the configuration. */
  | { readonly close: { readonly timeoutMs?: number } }

export type HostMessage =
  | { readonly kind: "log"; readonly line: Readonly<Record<string, unknown>> }
  | { readonly kind: "listening"; readonly addresses: readonly string[] }
  | { readonly kind: "reloaded"; readonly changes: readonly string[]; readonly addresses: readonly string[] }
  /** With how many tunnels were cut. */
  | { readonly kind: "closed"; readonly cut: number }
  | { readonly kind: "failed"; readonly name: string; readonly message: string }

const send = (message: HostMessage) => process.send?.(message)
const log = pino(
  { level: "debug", base: null },
  { write: (line: string) => send({ kind: "log", line: JSON.parse(line) }) },
)

try {
  const proxy = await createProxy(JSON.parse(process.argv[2] ?? "{}"), { log })
  process.on("message", (order: HostOrder) => {
    if ("crash" in order) proxy.crashWorker(order.crash)
    else if ("reload" in order) {
      proxy
        .reload(order.reload)
        .then((changes) => send({ kind: "reloaded", changes, addresses: proxy.addresses() }), fail)
    } else void proxy.close(order.close.timeoutMs).then((cut) => send({ kind: "closed", cut }))
  })
  process.on("disconnect", () => process.exit())
  send({ kind: "listening", addresses: proxy.addresses() })
} catch (error) {
  fail(error)
}

function fail(error: unknown): void {
  const { name, message } = error as Error
  send({ kind: "failed", name, message })
}
