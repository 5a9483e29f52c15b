/**
 * A proxy in its own process, for tests that measure leaks. Its argument is a listener in JSON. It is forked
 * with `--expose-gc` and controlled by messages.
 */
import { readdirSync } from "node:fs"
import { setImmediate as nextTurn } from "node:timers/promises"
import { pino } from "pino"
import { createProxy } from "../../../lib/index.js"

export type Order = { readonly measureAfter: number } | "close"

export interface Measure {
  /** Sessions that have ended so far. */
  readonly ended: number
  /** Bytes of JavaScript objects and their buffers, after a full collection. */
  readonly heldBytes: number
  /** Open descriptors. */
  readonly descriptors: number
  readonly sockets: number
}

const send = (message: unknown) => process.send?.(message)

async function measure(ended: number): Promise<Measure> {
  for (let i = 0; i < 4; i++) {
    await nextTurn()
    globalThis.gc?.()
  }
  const { heapUsed, external } = process.memoryUsage()
  return {
    ended,
    heldBytes: heapUsed + external,
    descriptors: readdirSync("/proc/self/fd").length,
    sockets: process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length,
  }
}

const before = await measure(0)
const proxy = await createProxy(
  { ws_proxy: [{ bind: "127.0.0.1:0", ...JSON.parse(process.argv[2] ?? "{}") }] },
  { log: pino({ level: "silent" }) },
)
let ended = 0
let wanted = Number.POSITIVE_INFINITY
const count = () => {
  if (++ended === wanted) void measure(ended).then(send)
}
proxy.on("end", count)
proxy.on("refuse", count)

process.on("message", (order: Order) => {
  if (order === "close") {
    void proxy.close().then(async () => {
      send(await measure(ended))
      process.disconnect()
    })
  } else {
    wanted = order.measureAfter
    if (ended === wanted) void measure(ended).then(send)
  }
})
process.on("disconnect", () => process.exit())

send({ address: proxy.address(), before })
