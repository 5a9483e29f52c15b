/** The IPC channel to the primary keeps a `node:cluster` worker alive, even after its drain. */
import { fork } from "node:child_process"
import { EventEmitter, once } from "node:events"
import { fileURLToPath } from "node:url"
import t, { type Test } from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import type { Order } from "../support/program/cluster-primary.js"

const PRIMARY = fileURLToPath(new URL("../support/program/cluster-primary.js", import.meta.url))
const WORKERS = 2

interface Cluster {
  /** The address that the workers share. */
  readonly address: string
  order(order: Order): void
  /** Whether the primary has ended. */
  hasEnded(): boolean
  /** Resolves to the exits of all workers, or of those that have exited before the primary. */
  untilExits(): Promise<unknown[]>
}

/** Starts workers that share a port. They are killed when the test ends. */
async function startCluster(t: Test, backend: string): Promise<Cluster> {
  const args = [String(WORKERS), "--bind", "127.0.0.1:0", "--backend", backend, "--log-level", "silent"]
  const primary = fork(PRIMARY, args)
  const gone = once(primary, "exit")
  t.teardown(async () => {
    if (primary.connected) primary.disconnect()
    await gone
  })
  const hasEnded = () => primary.exitCode !== null || primary.signalCode !== null
  const exits: unknown[] = []
  const changes = new EventEmitter()
  primary.on("exit", () => changes.emit("change"))
  let port = 0
  let listening = 0
  primary.on("message", (message: { port?: number }) => {
    if (message.port === undefined) exits.push(message)
    else {
      port = message.port
      listening++
    }
    changes.emit("change")
  })
  while (listening < WORKERS) await once(changes, "change")
  return {
    address: `127.0.0.1:${port}`,
    order: (order) => primary.send(order),
    hasEnded,
    async untilExits() {
      while (exits.length < WORKERS && !hasEnded()) await once(changes, "change")
      return exits
    },
  }
}

/** A worker that takes leave hands back the clients that its primary has just passed to it. */
const CLEAN = Array.from({ length: WORKERS }, () => ({ code: 0, signal: null, tookLeave: true }))

for (const order of ["SIGTERM", "SIGINT", "shutdown", "disconnect"] as const) {
  t.test(`workers without tunnels exit with code 0 at ${order}`, async (t) => {
    const cluster = await startCluster(t, "127.0.0.1:9")
    cluster.order(order)
    t.strictSame(await cluster.untilExits(), CLEAN)
  })

  t.test(`workers whose tunnels end after ${order} exit with code 0`, async (t) => {
    const backend = await startEchoBackend(t)
    const cluster = await startCluster(t, backend.address)
    const clients = await Promise.all(Array.from({ length: WORKERS }, () => openTunnel(t, cluster.address)))
    cluster.order(order)
    await untilRefused(cluster.address)
    for (const client of clients) {
      client.write("still here")
      await client.untilText("still here")
      client.socket.end()
    }
    t.strictSame(await cluster.untilExits(), CLEAN)
  })
}

t.test(
  "workers wait for a primary that is busy, which could not write to them after their exit",
  async (t) => {
    const cluster = await startCluster(t, "127.0.0.1:9")
    cluster.order("busy")
    t.strictSame(await cluster.untilExits(), CLEAN)
    t.equal(cluster.hasEnded(), false, "the primary lives on")
  },
)

async function openTunnel(t: Test, address: string): Promise<RawPeer> {
  const client = await RawPeer.connect(address)
  t.teardown(() => client.socket.destroy())
  return client.write(upgradeHead()).untilText("\r\n\r\n")
}

/** Waits until no worker accepts connections. */
async function untilRefused(address: string): Promise<void> {
  for (;;) {
    const client = await RawPeer.connect(address).catch(() => undefined)
    if (client === undefined) return
    client.socket.destroy()
    await client.untilClosed()
  }
}
