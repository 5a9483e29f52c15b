import t from "tap"
import { formatAddress } from "../../lib/address/address.js"
import { SILENT } from "../../lib/ops/log.js"
import { Observers } from "../../lib/ops/observer.js"
import { Admin } from "../../lib/proxy/admin.js"
import { CurrentPlan } from "../../lib/proxy/reload.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { noNewerNode } from "../support/program/newer-node.js"
import { startWorkers } from "../support/program/start-workers.js"

t.test("rws is alive, but not ready, until its listeners listen", async (t) => {
  const listener = { bind: "127.0.0.1:0", backends: ["127.0.0.1:1"] }
  const config = { admin: { bind: "127.0.0.1:0" }, ws_proxy: [listener] }
  const plan = new CurrentPlan(config, new Observers([]), SILENT)
  const admin = new Admin()
  await admin.listen(plan.current.admin, plan, { log: SILENT })
  t.teardown(() => admin.close())
  const address = admin.address && formatAddress(admin.address)
  const status = async (path: string) => (await fetch(`http://${address}${path}`)).status
  t.same([await status("/livez"), await status("/readyz")], [200, 503])
  await plan.start()
  t.same([await status("/livez"), await status("/readyz")], [200, 200])
  const drained = plan.drain(0)
  t.same([await status("/livez"), await status("/readyz")], [200, 503])
  await drained
})

t.test("status_path tells of a drain in worker threads as well", { skip: noNewerNode }, async (t) => {
  const echo = await startEchoBackend(t)
  const listener = { bind: "127.0.0.1:0", backends: [echo.address], status_path: "/healthz" }
  const host = await startWorkers(t, { workers: 2, ws_proxy: [{ ...listener, drain_delay_ms: 600_000 }] })
  const ask = async () => {
    const client = await RawPeer.connect(host.addresses[0] ?? "")
    client.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
    await client.untilEnd()
    client.socket.end()
    return client.text.slice("HTTP/1.1 ".length, "HTTP/1.1 200".length)
  }
  const askAll = () => Promise.all(Array.from({ length: 12 }, ask))
  t.same(new Set(await askAll()), new Set(["200"]))
  void host.close()
  const endMs = performance.now() + 20_000
  let statuses = await askAll()
  while (statuses.includes("200") && performance.now() < endMs) statuses = await askAll()
  t.same(new Set(statuses), new Set(["503"]))
  await host.close(0)
})
