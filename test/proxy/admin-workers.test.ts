import t from "tap"
import { ask } from "../support/admin/admin-proxy.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { attempt, openAll } from "../support/peers/counted-client.js"
import { noNewerNode } from "../support/program/newer-node.js"
import { startWorkers } from "../support/program/start-workers.js"

const TUNNELS = 24

t.test("the admin API shows and changes all worker threads", { skip: noNewerNode }, async (t) => {
  const [one, two] = [await startEchoBackend(t), await startEchoBackend(t)]
  const host = await startWorkers(t, {
    workers: 2,
    admin: { bind: "127.0.0.1:0" },
    pool: { chat: { backends: [one.address, two.address] } },
    ws_proxy: [{ bind: "127.0.0.1:0", name: "front", pool: "chat", drain_spread_ms: 0 }],
  })
  const { bind } = await host.logged(({ msg }) => msg === "admin server listening")
  const url = `http://${bind}`
  const [address = ""] = host.addresses
  const path = (backend: string, order: string) =>
    `${url}/api/pools/chat/backends/${encodeURIComponent(backend)}/${order}`
  const endsFor = (reason: string) => host.lines.filter((line) => line.reason === reason).length

  await t.test("sessions of all workers are listed, sorted and paged", async (t) => {
    const tunnels = await openAll(() => attempt(address), TUNNELS)
    const { json } = await ask(`${url}/api/sessions?sort=client&limit=1000`)
    t.equal(json.total, TUNNELS)
    const ids: string[] = json.sessions.map(({ id }: { id: string }) => id)
    t.equal(new Set(ids).size, TUNNELS, "ids are unique")
    t.equal(new Set(ids.map((id) => id.split(".")[0])).size, 2, "both workers have some")
    const clients = json.sessions.map(({ client }: { client: string }) => client)
    t.strictSame(clients, [...clients].sort())
    const pages = [0, 10, 20].map((offset) =>
      ask(`${url}/api/sessions?sort=client&limit=10&offset=${offset}`),
    )
    const paged = (await Promise.all(pages)).flatMap((page) => page.json.sessions)
    t.strictSame(
      paged.map(({ id }) => id),
      ids,
    )
    const status = (await ask(`${url}/api/status`)).json
    t.match(status, { workers: 2, totals: { live: TUNNELS, liveTunnels: TUNNELS, tunnels: TUNNELS } })
    await Promise.all(tunnels.map((tunnel) => tunnel.close()))
  })

  await t.test("one session of each worker is closed by its id", async (t) => {
    const tunnels = await openAll(() => attempt(address), TUNNELS)
    const { json } = await ask(`${url}/api/sessions?stage=tunnel`)
    const ids: string[] = json.sessions.map(({ id }: { id: string }) => id)
    const threads = [...new Set(ids.map((id) => id.split(".")[0]))]
    for (const thread of threads) {
      const id = ids.find((one) => one.startsWith(`${thread}.`)) ?? ""
      t.equal((await ask(`${url}/api/sessions/${id}/close`, null)).status, 200)
    }
    await host.logged(() => endsFor("admin_close") === threads.length)
    t.equal((await ask(`${url}/api/sessions/99.1.1/close`, null)).status, 404)
    await Promise.all(tunnels.map((tunnel) => tunnel.close()))
  })

  await t.test("a drained backend gets no session in any worker, also in one that is replaced", async (t) => {
    t.equal((await ask(path(one.address, "drain"), null)).status, 200)
    const before = one.peers.length
    host.crash(0)
    await host.logged(({ msg, worker }) => msg === "worker thread replaced" && worker === 0)
    const tunnels = await openAll(() => attempt(address), TUNNELS)
    t.equal(one.peers.length, before)
    t.match((await ask(`${url}/api/pools`)).json[0].backends, [
      { state: "draining" },
      { active: TUNNELS, share: 1 },
    ])
    const already = endsFor("admin_close")
    t.match(await ask(path(two.address, "close"), null), { status: 200, json: { closed: TUNNELS } })
    await host.logged(() => endsFor("admin_close") === already + TUNNELS)
    await Promise.all(tunnels.map((tunnel) => tunnel.close()))
    t.equal((await ask(`${url}/api/status`)).json.totals.liveTunnels, 0)
  })

  await t.test("while no worker lives a change is refused for a moment", async (t) => {
    const ended = (worker: number) =>
      host.lines.filter((line) => line.msg === "worker thread ended" && line.worker === worker).length
    const before = ended(0)
    const events = await fetch(`${url}/api/events`)
    for (const worker of [0, 1]) host.crash(worker)
    await host.logged(() => ended(0) > before && ended(1) > 0)
    const response = await fetch(path(one.address, "undrain"), { method: "POST" })
    t.equal(response.status, 503)
    t.equal(response.headers.get("retry-after"), "1")
    t.same(await response.json(), { error: "no worker thread is running; try again" })
    let text = ""
    for await (const part of events.body ?? []) {
      text += Buffer.from(part).toString()
      if (text.match(/"state":"replaced"/g)?.length === 2) break
    }
    t.match(
      text,
      /event: worker\ndata: \{"worker":[01],"state":"ended","sessions":\d+,"reason":".*crashed.*"\}/,
    )
  })
})
