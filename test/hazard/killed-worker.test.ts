/** What if a worker thread dies under load, of an error that nobody catches? */
import { setImmediate as nextTurn } from "node:timers/promises"
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startBackend } from "../support/peers/backend.js"
import { attempt, openAll } from "../support/peers/counted-client.js"
import { EchoLoad, echoForgetfully } from "../support/peers/echo-load.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { noNewerNode } from "../support/program/newer-node.js"
import { startWorkers } from "../support/program/start-workers.js"

const PLACES = 40
const OPEN = 30
const PENDING = 12

t.test(
  "a killed worker is replaced, its places are given back, the others go on",
  { skip: noNewerNode },
  async (t) => {
    const echo = await startBackend(t, echoForgetfully)
    const silent = await startBackend(t)
    const bind = "127.0.0.1:0"
    const host = await startWorkers(t, {
      workers: 3,
      ws_proxy: [
        {
          bind,
          backends: [{ address: echo.address, max_connections: PLACES }],
          max_connections: PLACES,
          max_connections_per_ip: PLACES,
        },
        { bind, backends: [silent.address], max_pending: PENDING, handshake_timeout_ms: 600_000 },
      ],
    })
    const [address = "", pendingAt = ""] = host.addresses
    const tunnels = await openAll(() => attempt(address), OPEN)
    t.equal(tunnels.length, OPEN)
    const waiting = await Promise.all(Array.from({ length: PENDING }, () => requested(pendingAt)))
    await silent.peer(PENDING - 1)
    const load = tunnels.map((tunnel) => new EchoLoad(tunnel.peer))
    for (const one of load) one.start()
    await Promise.all(load.map((one) => one.untilMore(3)))

    host.crash(1)
    const died = await host.logged(({ msg }) => msg === "worker thread ended")
    t.match(died, { level: 50, worker: 1, err: { message: /a test has crashed/ } })
    await host.logged(({ msg, worker }) => msg === "worker thread replaced" && worker === 1)

    const alive = load.filter(({ isBroken }) => !isBroken)
    await Promise.all(alive.map((one) => one.untilMore(3)))
    const broken = load.filter(({ isBroken }) => isBroken).length
    const brokenWaiting = waiting.filter(({ closed, ended }) => closed || ended).length
    t.ok(broken > 0, `${broken} tunnels died with their worker`)
    t.equal(broken + brokenWaiting, died.sessions, "as many sessions as the log says")
    t.same(
      load.filter(({ isWrong }) => isWrong),
      [],
      "every byte that came back was right",
    )

    const free = PLACES - (OPEN - broken)
    const more = await openAll(() => attempt(address), free)
    t.equal(more.length, free, "the places of the dead worker can be taken again")
    t.equal((await attempt(address)).status, 503, "and no others")
    const pendingAgain = await Promise.all(Array.from({ length: brokenWaiting }, () => requested(pendingAt)))
    await silent.peer(PENDING + brokenWaiting - 1)
    t.equal((await attempt(pendingAt)).status, 503, "the same for max_pending")

    await Promise.all(load.map((one) => one.stop()))
    await Promise.all([...tunnels, ...more].map((one) => one.close()))
    for (const { socket } of [...waiting, ...pendingAgain]) socket.destroy()
    const all = await openAll(() => attempt(address), PLACES)
    t.equal(all.length, PLACES, "after all is over, no place is lost")
    t.equal((await attempt(address)).status, 503, "and there is none too many")
    await Promise.all(all.map((one) => one.close()))
    t.equal((await host.close(0)).kind, "closed")
  },
)

t.test("workers that die again and again leave no place taken", { skip: noNewerNode }, async (t) => {
  const echo = await startBackend(t, echoForgetfully)
  const host = await startWorkers(t, {
    workers: 2,
    ws_proxy: [{ bind: "127.0.0.1:0", backends: [echo.address], max_connections: 10, max_pending: 10 }],
  })
  const [address = ""] = host.addresses
  let isOver = false
  const clients = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      // A client of a dying worker may be reset before its connection is established.
      const tried = await attempt(address).catch(() => undefined)
      await nextTurn()
      await tried?.close()
    }
  })
  for (let death = 1; death <= 4; death++) {
    host.crash(death % 2)
    const count = (msg: string) => host.lines.filter((line) => line.msg === msg).length
    await host.logged(() => count("worker thread replaced") === death)
  }
  isOver = true
  await Promise.all(clients)
  const all = await openAll(() => attempt(address), 10)
  t.equal(all.length, 10)
  t.equal((await attempt(address)).status, 503)
  await Promise.all(all.map((one) => one.close()))
  await host.close(0)
})

/** A client whose request has been sent. */
async function requested(address: string): Promise<RawPeer> {
  const peer = await RawPeer.connect(address)
  return peer.write(upgradeHead())
}
