/** The totals of `/api/status` only grow: while sessions come and go, and when a listener is removed. */
import t, { type Test } from "tap"
import type { Totals } from "../../lib/admin/api-types.js"
import type { Config } from "../../lib/config/schema.js"
import { ask, startAdminProxy, statusUntil } from "../support/admin/admin-proxy.js"
import { upgradeHead } from "../support/http/heads.js"
import { scrape } from "../support/metrics/scrape.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { attempt, openAll } from "../support/peers/counted-client.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { noNewerNode } from "../support/program/newer-node.js"
import { startWorkers } from "../support/program/start-workers.js"

const BYTES = 1000
const TUNNELS = 10
const ROUNDS = 3

/** What has gone back from one moment to the next. */
function shrunk(before: Totals, after: Totals): string[] {
  const counters = ["sessions", "tunnels", "bytesFromClient", "bytesFromBackend"] as const
  const refusals = Object.entries(before.refusals).filter(
    ([reason, count]) => (after.refusals[reason] ?? 0) < count,
  )
  return [...counters.filter((name) => after[name] < before[name]), ...refusals.map(([reason]) => reason)]
}

/** Asks again and again until `stop` is called, which resolves to what has gone back meanwhile. */
function watchTotals(url: string): { stop(): Promise<string[]> } {
  let isStopped = false
  const watching = (async () => {
    const faults: string[] = []
    let last: Totals | undefined
    while (!isStopped) {
      const { totals } = (await ask(`${url}/api/status`)).json
      if (last !== undefined) faults.push(...shrunk(last, totals))
      last = totals
    }
    return faults
  })()
  return {
    stop: () => {
      isStopped = true
      return watching
    },
  }
}

async function refuseOne(address: string): Promise<void> {
  const client = await RawPeer.connect(address)
  client.write(upgradeHead({ "Sec-WebSocket-Key": "x" }))
  await client.untilEnd()
  client.socket.destroy()
}

/** Tunnels that each echo some bytes. */
async function openEchoes(address: string) {
  const tunnels = await openAll(() => attempt(address), TUNNELS)
  await Promise.all(
    tunnels.map(async ({ peer }) => {
      const before = peer.received.length
      peer.socket.write(Buffer.alloc(BYTES))
      await peer.until(({ received }) => received.length >= before + BYTES)
    }),
  )
  return tunnels
}

/** What is counted of so many tunnels that have echoed their bytes. */
function countsOf(tunnels: number): Partial<Totals> {
  return { tunnels, bytesFromClient: tunnels * BYTES, bytesFromBackend: tunnels * BYTES }
}

async function checkTotals(
  t: Test,
  { url, address, reload }: { url: string; address: string; reload(): Promise<unknown> },
): Promise<void> {
  const watch = watchTotals(url)
  const isCounted = (tunnels: number) => (status: { totals: Totals }) =>
    status.totals.bytesFromBackend === tunnels * BYTES
  for (let round = 1; round <= ROUNDS; round++) {
    const tunnels = await openEchoes(address)
    // In one round the bytes are counted before the tunnels end, in the next one behind them.
    if (round % 2 === 1) await statusUntil(url, isCounted(round * TUNNELS))
    await refuseOne(address)
    await Promise.all(tunnels.map((tunnel) => tunnel.close()))
  }
  const [last] = await openAll(() => attempt(address), 1)
  const all = ROUNDS * TUNNELS
  t.match((await statusUntil(url, isCounted(all))).totals, {
    ...countsOf(all),
    sessions: all + ROUNDS + 1,
    tunnels: all + 1,
    live: 1,
    liveTunnels: 1,
    refusals: { bad_key: ROUNDS },
  })

  await reload()
  const draining = (await ask(`${url}/api/status`)).json.totals
  t.match(draining, { tunnels: all + 1, live: 1, liveTunnels: 1 }, "its listener is removed, and drains")
  const gone = { listener: "gone" }
  t.equal((await scrape(url.slice("http://".length))).value("rws_tunnels_total", gone), all + 1)
  await last?.close()
  const isGone = async () => (await ask(`${url}/api/listeners`)).json.length === 1
  for (let turn = 0; turn < 500 && !(await isGone()); turn++)
    await new Promise((next) => setTimeout(next, 20))
  const after = (await ask(`${url}/api/status`)).json.totals
  t.match(after, { ...countsOf(all), tunnels: all + 1, sessions: all + ROUNDS + 1, live: 0, liveTunnels: 0 })
  t.strictSame(after.refusals, { bad_key: ROUNDS }, "a reason that never happened is absent")
  const metrics = await scrape(url.slice("http://".length))
  t.notOk(metrics.labelsOf("rws_tunnels_total").some(({ listener }) => listener === "gone"))
  t.strictSame(await watch.stop(), [])
}

/** Two listeners, and the configuration that has only the second one. */
function configsOf(backend: string, workers: number): readonly [Config, Config] {
  const stays = { name: "stays", bind: "127.0.0.1:0", backends: [backend] }
  const gone = { name: "gone", bind: "127.0.0.1:0", backends: [backend] }
  const rest = { workers, admin: { bind: "127.0.0.1:0" } }
  return [
    { ...rest, ws_proxy: [stays, gone] },
    { ...rest, ws_proxy: [stays] },
  ]
}

t.test("totals never go back, and keep those of a removed listener", async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const [config, later] = configsOf(backend, 1)
  const { proxy, url } = await startAdminProxy(t, config)
  const [, address = ""] = proxy.addresses()
  await checkTotals(t, { url, address, reload: () => proxy.reload(later) })
})

t.test("nor do those of several worker threads", { skip: noNewerNode }, async (t) => {
  const { address: backend } = await startEchoBackend(t)
  const [config, later] = configsOf(backend, 2)
  const host = await startWorkers(t, config)
  const { bind } = await host.logged(({ msg }) => msg === "admin server listening")
  const [, address = ""] = host.addresses
  await checkTotals(t, { url: `http://${bind}`, address, reload: () => host.reload(later) })
})
