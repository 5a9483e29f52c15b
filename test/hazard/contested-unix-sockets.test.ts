/**
 * Several listeners compete for one Unix socket: exactly one gets it, and the others leave it alone, also
 * when they close.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { existsSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import t, { type Test } from "tap"
import { BindError } from "../../lib/index.js"
import { Listener } from "../../lib/net/listener.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { leaveStaleSocket } from "../support/peers/stale-socket.js"

const RACES = 60
const RACING_LISTENER = fileURLToPath(new URL("../support/program/racing-listener.js", import.meta.url))

/** The paths that listeners compete for. */
const STARTS = [
  { title: "a stale socket", prepare: leaveStaleSocket },
  { title: "a free path", prepare: async () => {} },
]

class Contender {
  clients = 0
  readonly listener: Listener
  readonly #path: string

  constructor(path: string) {
    this.#path = path
    const onClient = async (client: { socket: { destroy(): void } }) => {
      this.clients++
      client.socket.destroy()
    }
    const onFault = (error: Error) => {
      throw error
    }
    this.listener = new Listener({ address: { kind: "unix", path } }, { onClient, onFault })
  }

  /** Whether a client that connects to the path reaches this listener. */
  async isReached(): Promise<boolean> {
    const before = this.clients
    const client = await RawPeer.connect(`unix:${this.#path}`)
    await client.untilEnd()
    client.socket.destroy()
    return this.clients > before
  }
}

/** Starts all concurrently. Resolves to the one that listens. */
async function race(t: Test, path: string, contenders: readonly Contender[]): Promise<Contender> {
  const outcomes = await Promise.allSettled(contenders.map(({ listener }) => listener.listen()))
  const [winner, ...more] = contenders.filter((_, index) => outcomes[index]?.status === "fulfilled")
  if (winner === undefined) throw new Error("nobody listens")
  t.equal(more.length, 0, "exactly one listens")
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") continue
    t.type(outcome.reason, BindError)
    t.match(outcome.reason, { message: `cannot listen on unix:${path}: it is already in use` })
  }
  return winner
}

for (const { title, prepare } of STARTS) {
  t.test(`${RACES} races of three listeners for ${title}: one wins, and keeps the path`, async (t) => {
    const folder = socketFolder(t)
    const path = join(folder, "front.sock")
    for (let number = 0; number < RACES; number++) {
      await prepare(path)
      const contenders = Array.from({ length: 3 }, () => new Contender(path))
      const winner = await race(t, path, contenders)
      t.equal(await winner.isReached(), true)
      for (const contender of contenders) if (contender !== winner) await contender.listener.close()
      t.same(readdirSync(folder), ["front.sock"], "nothing else is left in the folder")
      t.equal(await winner.isReached(), true, "even after the others have closed")
      await winner.listener.close()
      t.same(readdirSync(folder), [])
    }
  })

  t.test(`${RACES} races of three processes for ${title}: one wins, and keeps the path`, async (t) => {
    const folder = socketFolder(t)
    const path = join(folder, "front.sock")
    const racers = await Promise.all(Array.from({ length: 3 }, () => startRacer(t)))
    for (let number = 0; number < RACES; number++) {
      await prepare(path)
      const outcomes = await Promise.all(racers.map((racer) => order(racer, path)))
      const taken = `cannot listen on unix:${path}: it is already in use`
      t.same([...outcomes].sort(), [taken, taken, "listening"].sort())
      t.same(readdirSync(folder), ["front.sock"])
      const client = await RawPeer.connect(`unix:${path}`)
      client.socket.destroy()
      await Promise.all(racers.map((racer) => order(racer, "close")))
      t.same(readdirSync(folder), [])
    }
  })
}

async function startRacer(t: Test): Promise<ChildProcess> {
  const child = fork(RACING_LISTENER)
  t.teardown(() => child.kill())
  await once(child, "message")
  return child
}

async function order(racer: ChildProcess, what: string): Promise<unknown> {
  racer.send(what)
  const [outcome] = await once(racer, "message")
  return outcome
}

t.test("a listener whose path now belongs to another one does not remove it when it closes", async (t) => {
  const path = join(socketFolder(t), "front.sock")
  const [old, successor] = [new Contender(path), new Contender(path)]
  await old.listener.listen()
  rmSync(path)
  await successor.listener.listen()
  await old.listener.close()
  t.equal(await successor.isReached(), true)
  await successor.listener.close()
  t.equal(existsSync(path), false)
})

t.test("a path may be bound again while its previous listener is still draining", async (t) => {
  const path = join(socketFolder(t), "front.sock")
  const [old, successor] = [new Contender(path), new Contender(path)]
  await old.listener.listen()
  const drained = old.listener.close()
  t.equal(existsSync(path), false, "it is removed at once, so that it can't be mistaken for a stale one")
  await successor.listener.listen()
  await drained
  t.equal(await successor.isReached(), true)
  await successor.listener.close()
})
