/** What if several worker threads take the last place of a limit at the same moment? */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setImmediate as nextTurn } from "node:timers/promises"
import t, { type Test } from "tap"
import { answerUpgrade, startBackend, startEchoBackend } from "../support/peers/backend.js"
import { type Attempt, attempt, openAll } from "../support/peers/counted-client.js"
import { noNewerNode } from "../support/program/newer-node.js"
import { temporaryFolder } from "../support/program/program.js"
import { startWorkers, type WorkerHost } from "../support/program/start-workers.js"
import { between, seededRandom } from "../support/project/random.js"

const WORKERS = 4
const MAX_CONNECTIONS = 12
const MAX_PENDING = 5
const MAX_PER_IP = 3
const MAX_PER_BACKEND = 4
const MAX_PER_ENDPOINT = 5
const BURST = 5
const LOOPS = 40
const ROUNDS = 12
const ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7"]

/** Counts who holds a place for certain: less than or as many as there are. */
class Held {
  readonly #counts = new Map<string, number>()
  most = 0

  add(key: string): void {
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    this.most = Math.max(this.most, count)
  }

  subtract(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) - 1)
  }
}

interface Hammered {
  readonly most: number
  readonly refused: number
  readonly statuses: readonly number[]
}

/**
 * Many clients come and go, in both ways of closing, with tunnels that last a few turns of the event loop.
 * @param keyOf what a client's tunnel counts for
 */
async function hammer(
  open: (loop: number) => Promise<Attempt>,
  keyOf: (attempt: Attempt, loop: number) => string,
  seed: number,
): Promise<Hammered> {
  const held = new Held()
  const statuses: number[] = []
  await Promise.all(
    Array.from({ length: LOOPS }, async (_, loop) => {
      const random = seededRandom(seed * LOOPS + loop)
      for (let round = 0; round < ROUNDS; round++) {
        const tried = await open(loop)
        statuses.push(tried.status)
        const key = keyOf(tried, loop)
        if (tried.status === 101) held.add(key)
        for (let turns = between(random, 0, 10); turns > 0; turns--) await nextTurn()
        if (tried.status === 101) held.subtract(key)
        await tried.close(random() < 0.3)
      }
    }),
  )
  return { most: held.most, refused: statuses.filter((status) => status !== 101).length, statuses }
}

t.test("limits are exact over four worker threads", { skip: noNewerNode }, async (t) => {
  const echo = await startEchoBackend(t)
  const one = await startEchoBackend(t, { "X-Backend": "one" })
  const other = await startEchoBackend(t, { "X-Backend": "other" })
  const pending = new Held()
  const slow = await startBackend(t, (peer) => {
    void peer.untilText("\r\n\r\n").then(
      async () => {
        pending.add("")
        for (let turn = 0; turn < 20; turn++) await nextTurn()
        pending.subtract("")
        await answerUpgrade(peer)
        peer.socket.pipe(peer.socket)
      },
      () => {},
    )
  })
  const bind = "127.0.0.1:0"
  const file = join(await temporaryFolder(t), "endpoints.json")
  const endpoint = { url: `ws://${echo.address}`, max_connections: MAX_PER_ENDPOINT }
  await writeFile(file, JSON.stringify({ endpoints: { chat: endpoint } }))
  const host = await startWorkers(t, {
    workers: WORKERS,
    registry: { rooms: { store: "file", file, allow_destinations: [echo.address] } },
    ws_proxy: [
      { bind, name: "connections", backends: [echo.address], max_connections: MAX_CONNECTIONS },
      { bind, name: "pending", backends: [slow.address], max_pending: MAX_PENDING },
      { bind, name: "clients", backends: [echo.address], max_connections_per_ip: MAX_PER_IP },
      { bind, name: "rate", backends: [echo.address], rate_per_ip: `${BURST}/h` },
      {
        bind,
        name: "backends",
        backends: [one, other].map(({ address }) => ({ address, max_connections: MAX_PER_BACKEND })),
      },
      { bind, name: "endpoints", registry: "rooms", registry_key: "path:1" },
    ],
  })
  const [connections = "", pendingAt = "", clients = "", rate = "", backends = "", endpoints = ""] =
    host.addresses

  await t.test("max_connections of an endpoint", async (t) => {
    const open = () => attempt(endpoints)
    const { most, refused } = await hammer(open, () => "", 6)
    t.ok(most <= MAX_PER_ENDPOINT, `${most} at once`)
    t.ok(refused > 0, `${refused} refused`)
    await holdsExactly(t, open, MAX_PER_ENDPOINT, 503)
  })

  await t.test("max_connections", async (t) => {
    const open = () => attempt(connections)
    const { most, refused } = await hammer(open, () => "", 1)
    t.ok(most <= MAX_CONNECTIONS, `${most} at once`)
    t.ok(refused > 0, `${refused} refused`)
    await holdsExactly(t, open, MAX_CONNECTIONS, 503)
  })

  await t.test("max_pending", async (t) => {
    const open = () => attempt(pendingAt)
    const { refused } = await hammer(open, () => "", 2)
    t.ok(pending.most <= MAX_PENDING, `${pending.most} at once`)
    t.ok(refused > 0, `${refused} refused`)
    const opened = await openAll(open, MAX_PENDING)
    t.equal(opened.length, MAX_PENDING, "no place is lost")
    await Promise.all(opened.map((one) => one.close()))
  })

  await t.test("max_connections_per_ip", async (t) => {
    const addressOf = (loop: number) => ADDRESSES[loop % ADDRESSES.length] ?? ""
    const { most, refused } = await hammer(
      (loop) => attempt(clients, addressOf(loop)),
      (_, loop) => addressOf(loop),
      3,
    )
    t.ok(most <= MAX_PER_IP, `${most} at once`)
    t.ok(refused > 0, `${refused} refused`)
    for (const address of ADDRESSES) await holdsExactly(t, () => attempt(clients, address), MAX_PER_IP, 429)
  })

  await t.test("rate_per_ip", async (t) => {
    const accepted = new Map<string, number>()
    const tries = ADDRESSES.flatMap((address) => Array.from({ length: 6 * BURST }, () => address))
    await Promise.all(
      tries.map(async (address) => {
        const tried = await attempt(rate, address)
        if (tried.status === 101) accepted.set(address, (accepted.get(address) ?? 0) + 1)
        await tried.close()
      }),
    )
    t.same([...accepted.keys()].sort(), ADDRESSES)
    for (const [address, count] of accepted) t.equal(count, BURST, `of ${address}, no more and no fewer`)
  })

  await t.test("max_connections of a backend", async (t) => {
    const open = () => attempt(backends)
    const { most, refused } = await hammer(open, (tried) => tried.field("X-Backend") ?? "", 4)
    t.ok(most <= MAX_PER_BACKEND, `${most} at once`)
    t.ok(refused > 0, `${refused} refused`)
    await holdsExactly(t, open, 2 * MAX_PER_BACKEND, 503)
  })

  t.equal(workersIn(host).size, WORKERS, "all workers have served sessions")
  t.same(
    host.lines.filter(({ level }) => Number(level) >= 50),
    [],
    "no errors",
  )
  await host.close(0)
})

/** After all is over, exactly so many tunnels can be opened: none is lost, and one more is refused. */
async function holdsExactly(
  t: Test,
  open: () => Promise<Attempt>,
  count: number,
  status: number,
): Promise<void> {
  const opened = await openAll(open, count)
  t.equal(opened.length, count, "no place is lost")
  const more = await open()
  t.equal(more.status, status, "and there is none too many")
  await Promise.all([...opened, more].map((one) => one.close()))
}

function workersIn({ lines }: WorkerHost): Set<unknown> {
  return new Set(lines.flatMap(({ worker, msg }) => (msg === "session ended" ? [worker] : [])))
}
