/** Sockets that a service manager binds and keeps open while rws restarts. */
import { once } from "node:events"
import { existsSync } from "node:fs"
import { open, writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { socketFolder } from "../../support/peers/socket-folder.js"
import { openSteadily } from "../../support/peers/steady-tunnels.js"
import { startActivated } from "../../support/program/activated.js"
import { type HeldSocket, holdSocket } from "../../support/program/held-socket.js"
import {
  logOf,
  Program,
  RWS,
  temporaryFolder,
  untilLogged,
  untilServing,
} from "../../support/program/program.js"

const activate = Program.start(t, "systemd-socket-activate", ["--version"])
await activate.untilExit()
const noSystemd = activate.exit?.code !== 0 && !process.env.CI && "systemd is not installed"
const EXITED = { code: 0, signal: null }

async function openTunnel(t: Test, address: string): Promise<RawPeer> {
  const client = await RawPeer.connect(address)
  t.teardown(() => client.socket.destroy())
  return client.write(upgradeHead()).untilText("\r\n\r\n")
}

/** The flags of a listener on this address in front of a new echo backend. */
async function flagsFor(t: Test, bind: string): Promise<string[]> {
  const backend = await startEchoBackend(t)
  return ["--bind", bind, "--backend", backend.address]
}

t.test("a listener takes over the inherited socket that is bound to its address", async (t) => {
  const held = await holdSocket(t)
  const { rws, address } = await untilServing(startActivated(t, [held], await flagsFor(t, held.address)))
  t.equal(address, held.address)
  const client = await openTunnel(t, address)
  rws.signal("SIGTERM")
  client.socket.end()
  t.strictSame(await rws.untilExit(), EXITED)
  t.equal(rws.stderr, "")
})

t.test("a listener takes over the inherited socket that has its name", async (t) => {
  const held = await holdSocket(t)
  const flags = [...(await flagsFor(t, "localhost:0")), "--name", "chat"]
  const { address } = await untilServing(startActivated(t, [held], flags, ["chat"]))
  t.equal(address, held.address)
  await openTunnel(t, address)
})

t.test(
  "a listener takes over an inherited Unix socket, and leaves its path to the one who bound it",
  async (t) => {
    const path = join(socketFolder(t), "front.sock")
    const held = await holdSocket(t, { path })
    const { rws, address } = await untilServing(startActivated(t, [held], await flagsFor(t, `unix:${path}`)))
    t.equal(address, `unix:${path}`)
    const client = await openTunnel(t, address)
    rws.signal("SIGTERM")
    client.socket.end()
    t.strictSame(await rws.untilExit(), EXITED)
    t.ok(existsSync(path))
  },
)

t.test("each of several listeners takes over its own socket, and one without a socket binds", async (t) => {
  const folder = await temporaryFolder(t)
  const [one, other] = [await holdSocket(t), await holdSocket(t)]
  const backend = await startEchoBackend(t)
  const file = join(folder, "rws.toml")
  const binds = [one.address, "127.0.0.1:0", other.address]
  await writeFile(
    file,
    binds.map((bind) => `[[ws_proxy]]\nbind = "${bind}"\nbackends = ["${backend.address}"]\n`).join("\n"),
  )
  const rws = startActivated(t, [other, one], ["--config", file])
  await rws.untilOutput(/(.*"listening".*\n){3}/)
  const bound = logOf(rws).map(({ bind }) => String(bind))
  t.equal(bound[0], one.address)
  t.equal(bound[2], other.address)
  for (const address of bound) await openTunnel(t, address)
})

t.test(
  "an inherited socket that no listener wants ends rws with exit code 1 and says what to do",
  async (t) => {
    const held = await holdSocket(t)
    const rws = startActivated(t, [held], await flagsFor(t, "127.0.0.1:0"))
    t.strictSame(await rws.untilExit(), { code: 1, signal: null })
    t.equal(
      rws.stderr,
      `inherited descriptor 3 ("rws.socket"), bound to ${held.address}, belongs to no listener: ` +
        `set bind = "${held.address}", or set FileDescriptorName= in the socket unit to the name of a listener\n`,
    )
  },
)

t.test("an inherited descriptor that is not a socket ends rws with exit code 1", async (t) => {
  const file = await open(join(await temporaryFolder(t), "file"), "w")
  t.teardown(() => file.close())
  const rws = startActivated(t, [file], await flagsFor(t, "127.0.0.1:0"))
  t.strictSame(await rws.untilExit(), { code: 1, signal: null })
  t.equal(rws.stderr, 'inherited descriptor 3 ("rws.socket") is not a listening TCP or Unix socket\n')
})

/** Two rws on one socket, one after the other or side by side, while tunnels are opened all the time. */
interface Restart {
  readonly old: Program
  startNext(): Promise<Program>
  /** Checks that no tunnel failed. */
  finish(): Promise<void>
}

async function beginRestart(t: Test): Promise<Restart> {
  const held: HeldSocket = await holdSocket(t)
  const flags = await flagsFor(t, held.address)
  const start = async () => (await untilServing(startActivated(t, [held], flags))).rws
  const old = await start()
  const tunnels = openSteadily(held.address)
  await tunnels.untilMore(20)
  return {
    old,
    startNext: start,
    async finish() {
      await tunnels.untilMore(100)
      t.strictSame(await tunnels.stop(), [], "none was refused")
      t.ok(tunnels.opened >= 120)
    },
  }
}

t.test("while rws restarts on an inherited socket, clients wait and none is refused", async (t) => {
  const { old, startNext, finish } = await beginRestart(t)
  old.signal("SIGTERM")
  t.strictSame(await old.untilExit(), EXITED)
  await startNext()
  await finish()
})

t.test("a second rws on the same socket takes over while the first one drains", async (t) => {
  const { old, startNext, finish } = await beginRestart(t)
  const { bind } = await untilLogged(old, ({ msg }) => msg === "listening")
  const client = await openTunnel(t, String(bind))
  const next = await startNext()
  old.signal("SIGTERM")
  await finish()
  await client.write("still here").untilText("still here")
  client.socket.end()
  t.strictSame(await old.untilExit(), EXITED)
  t.equal(next.exit, undefined)
})

t.test("systemd-socket-activate starts rws at the first connection", { skip: noSystemd }, async (t) => {
  const path = join(socketFolder(t), "front.sock")
  const flags = await flagsFor(t, `unix:${path}`)
  const rws = Program.start(t, "systemd-socket-activate", ["-l", path, process.execPath, RWS, ...flags])
  await rws.untilOutput(/Listening on/)
  const client = await RawPeer.connect(`unix:${path}`)
  client.write(upgradeHead())
  await client.untilText("101 Switching Protocols")
  client.socket.end()
  await once(client.socket, "close")
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), EXITED)
})
