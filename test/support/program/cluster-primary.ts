/** The primary of a `node:cluster` whose workers run rws: forwards the test's orders and reports exits. */
import cluster from "node:cluster"
import { fileURLToPath } from "node:url"

/** An order for every worker. "busy": SIGTERM, and then the primary is busy for a while. */
export type Order = "SIGTERM" | "SIGINT" | "shutdown" | "disconnect" | "busy"

const BUSY_MS = 2000

cluster.setupPrimary({
  exec: fileURLToPath(new URL("../../../bin/rws.js", import.meta.url)),
  args: process.argv.slice(3),
})
const workers = Array.from({ length: Number(process.argv[2]) }, () => cluster.fork())

cluster.on("listening", (_worker, { port }) => process.send?.({ port }))
cluster.on("exit", ({ exitedAfterDisconnect }, code, signal) => {
  process.send?.({ code, signal, tookLeave: exitedAfterDisconnect })
})
process.on("message", (order: Order) => {
  for (const worker of workers) {
    if (order === "disconnect") worker.disconnect()
    else if (order === "shutdown") worker.send(order)
    else worker.process.kill(order === "busy" ? "SIGTERM" : order)
  }
  if (order === "busy") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS)
})
process.on("disconnect", () => {
  for (const worker of workers) worker.process.kill("SIGKILL")
  process.exit()
})
