/** An address where a connect neither succeeds nor fails. */
import { once } from "node:events"
import { connect } from "node:net"
import { Worker } from "node:worker_threads"
import type { Test } from "tap"

/**
 * A listening socket that never accepts, with its backlog filled: the kernel drops every further SYN. It
 * lives in a worker with a blocked event loop, because a Node server accepts whenever its loop turns.
 */
const LISTEN_AND_STAND_STILL = `
  const { parentPort, workerData } = require("node:worker_threads")
  const server = require("node:net").createServer()
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    setImmediate(() => Atomics.wait(new Int32Array(workerData), 0, 0))
  })
`
/** Linux queues one connection more than the backlog; a few more to be safe. */
const FILLERS = 6

/** Returns `127.0.0.1:PORT`. It is closed when the test ends. */
export async function startUnansweringPort(t: Test): Promise<string> {
  const gate = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const worker = new Worker(LISTEN_AND_STAND_STILL, { eval: true, workerData: gate })
  const [port] = await once(worker, "message")
  const fillers = Array.from({ length: FILLERS }, () =>
    connect({ port, host: "127.0.0.1" }).on("error", () => {}),
  )
  t.teardown(async () => {
    for (const socket of fillers) socket.destroy()
    await worker.terminate()
  })
  await Promise.race(fillers.map((socket) => once(socket, "connect")))
  return `127.0.0.1:${port}`
}
