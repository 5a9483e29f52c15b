/** Backends are killed and restarted under a stream of clients, none of which may notice. */
import { setImmediate as nextTurn } from "node:timers/promises"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { deadAddress } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { logOf, type Program, serveFile, startRws, untilLogged } from "../../support/program/program.js"

async function startEcho(t: Test, address: string): Promise<Program> {
  const program = startRws(t, ["echo", "--bind", address])
  await program.untilOutput(/echo backend/)
  return program
}

/**
 * A stream of clients, a few at a time. A handshake in flight when its backend dies can't be retried, so
 * `between` acts while no handshake is in flight. All handshakes must succeed.
 */
class Load {
  readonly statuses = new Set<string>()
  #handshakes = 0
  #isStopped = false
  #gate = Promise.resolve()
  #underWay: Promise<void>[] = []
  readonly #clients: Promise<void>[]

  constructor(private readonly address: string) {
    this.#clients = Array.from({ length: 4 }, (_, index) => this.#run(index))
  }

  async between(act: () => Promise<unknown>): Promise<void> {
    const { promise, resolve } = withResolver()
    this.#gate = promise
    // Clients that have just passed the previous gate start within this turn of the event loop.
    await nextTurn()
    await Promise.all(this.#underWay)
    await act()
    resolve()
  }

  /** Waits until this many more handshakes have completed. */
  async more(handshakes: number): Promise<void> {
    const until = this.#handshakes + handshakes
    while (this.#handshakes < until) await Promise.race(this.#underWay)
  }

  /** Resolves to the statuses of all responses. */
  async stop(): Promise<string[]> {
    this.#isStopped = true
    await Promise.all(this.#clients)
    return [...this.statuses]
  }

  async #run(index: number): Promise<void> {
    while (!this.#isStopped) {
      await this.#gate
      const handshake = this.#shakeHands()
      this.#underWay[index] = handshake
      await handshake
    }
  }

  async #shakeHands(): Promise<void> {
    const client = await RawPeer.connect(this.address)
    await client.write(upgradeHead()).until(({ text, ended }) => ended || text.includes("\r\n\r\n"))
    this.statuses.add(client.text.slice(9, 12))
    this.#handshakes++
    client.socket.destroy()
  }
}

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

const CHECK = "interval_ms = 100\ntimeout_ms = 500\nunhealthy_threshold = 2\nhealthy_threshold = 1\n"
const kinds: readonly [title: string, keys: string][] = [
  ["by failed dials alone", "fail_timeout_ms = 300\n"],
  ["by tcp checks", `max_fails = 0\n[pool.both.health_check]\ntype = "tcp"\n${CHECK}`],
  ["by http checks", `max_fails = 0\n[pool.both.health_check]\ntype = "http"\nexpect_status = 426\n${CHECK}`],
  ["by ws checks", `max_fails = 0\n[pool.both.health_check]\ntype = "ws"\n${CHECK}`],
]

for (const [title, keys] of kinds) {
  t.test(`no handshake fails while a backend dies and comes back, noticed ${title}`, async (t) => {
    const [stays, dies] = [await deadAddress(), await deadAddress()]
    await startEcho(t, stays)
    const victim = await startEcho(t, dies)
    const { rws, address } = await serveFile(
      t,
      `[[ws_proxy]]\nbind = "127.0.0.1:0"\npool = "both"\n[pool.both]\nbackends = ["${stays}", "${dies}"]\n${keys}`,
    )
    const clients = new Load(address)
    const usedBy = (backend: string) => (line: Readonly<Record<string, unknown>>) =>
      line.backend === backend && line.status === 101
    await untilLogged(rws, usedBy(dies))
    await clients.between(() => victim.signal("SIGKILL").untilExit())
    await untilLogged(rws, ({ msg, backend }) => msg === "backend is down" && backend === dies)
    await startEcho(t, dies)
    await untilLogged(rws, ({ msg, backend }) => msg === "backend is up" && backend === dies)
    const before = logOf(rws).filter(usedBy(dies)).length
    await untilLogged(rws, () => logOf(rws).filter(usedBy(dies)).length > before)
    t.same(await clients.stop(), ["101"])
    const changes = logOf(rws).flatMap(({ msg }) => (/^backend is /.test(String(msg)) ? [msg] : []))
    t.same(changes, ["backend is down", "backend is up"])
  })
}

t.test(
  "no handshake fails in a rolling restart of two backends, each back before its ejection ends",
  async (t) => {
    const backends = [await deadAddress(), await deadAddress()]
    const programs = new Map<string, Program>()
    for (const backend of backends) programs.set(backend, await startEcho(t, backend))
    const { rws, address } = await serveFile(
      t,
      `[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ${JSON.stringify(backends)}\nfail_timeout_ms = 600_000\n`,
    )
    const clients = new Load(address)
    for (const backend of [...backends, ...backends]) {
      await clients.between(async () => programs.get(backend)?.signal("SIGKILL").untilExit())
      // Enough for the failed dials of an ejection.
      await clients.more(12)
      await clients.between(async () => programs.set(backend, await startEcho(t, backend)))
      await clients.more(4)
    }
    if (!t.same(await clients.stop(), ["101"])) return
    const ejections = () =>
      logOf(rws).flatMap(({ msg, backend }) => (msg === "backend is down" ? [backend] : []))
    await untilLogged(rws, () => ejections().length === 4)
    t.same(ejections(), [...backends, ...backends])
  },
)

t.test("a client gets a 503 with Retry-After when no backend passes its health checks", async (t) => {
  const dead = await deadAddress()
  const { rws, address } = await serveFile(
    t,
    `[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ["${dead}"]\n[ws_proxy.health_check]\n${CHECK}`,
  )
  await untilLogged(rws, ({ msg }) => msg === "backend is down")
  const client = await RawPeer.connect(address)
  await client.write(upgradeHead()).untilEnd()
  t.match(client.text, /^HTTP\/1\.1 503 /)
  t.match(client.text, /^Retry-After: [1-9]\d*\r$/m)
})
