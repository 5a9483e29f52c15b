/**
 * A listening socket that is held open, as a service manager does, while nobody accepts from it: its thread
 * sleeps from the moment it listens.
 */
import { once } from "node:events"
import { createServer, type ListenOptions } from "node:net"
import { fileURLToPath } from "node:url"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import type { Test } from "tap"

export interface HeldSocket {
  /** Open in the whole process. */
  readonly fd: number
  /** `127.0.0.1:PORT`, or `unix:/path`. */
  readonly address: string
}

const LOOPBACK: ListenOptions = { host: "127.0.0.1", port: 0 }

/** Binds a socket, which is closed when the test ends. */
export async function holdSocket(t: Test, options: ListenOptions = LOOPBACK): Promise<HeldSocket> {
  const wake = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { options, wake } })
  const ended = once(worker, "exit")
  t.teardown(async () => {
    Atomics.store(wake, 0, 1)
    Atomics.notify(wake, 0)
    await ended
  })
  const [held] = (await once(worker, "message")) as [HeldSocket]
  return held
}

if (!isMainThread) {
  const { options, wake } = workerData as { options: ListenOptions; wake: Int32Array<SharedArrayBuffer> }
  const server = createServer().listen(options, () => {
    // Node has no public way to a server's descriptor.
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle
    const bound = server.address()
    const address = typeof bound === "string" ? `unix:${bound}` : `127.0.0.1:${bound?.port}`
    parentPort?.postMessage({ fd, address } satisfies HeldSocket)
    Atomics.wait(wake, 0, 0)
    server.close()
  })
}
