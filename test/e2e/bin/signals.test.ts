import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import {
  logOf,
  Program,
  RWS,
  serveRws,
  startRws,
  temporaryFolder,
  untilLogged,
} from "../../support/program/program.js"

const DRAINING = "draining; a second signal closes at once"
const ENDED = { code: 0, signal: null }
const CUT = { code: 3, signal: null }

/** A serving rws with an open tunnel through it. */
async function serveTunnel(t: Test): Promise<{ rws: Program; address: string; client: RawPeer }> {
  const backend = await startEchoBackend(t)
  const { rws, address } = await serveRws(t, [backend.address])
  const client = await RawPeer.connect(address)
  t.teardown(() => client.socket.destroy())
  client.write(upgradeHead())
  return { rws, address, client: await client.untilText("\r\n\r\n") }
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  t.test(`an idle rws exits at once with code 0 at ${signal}`, async (t) => {
    const { rws } = await serveRws(t, ["127.0.0.1:9"])
    rws.signal(signal)
    t.strictSame(await rws.untilExit(), ENDED)
    t.equal(rws.stderr, "")
    t.match(logOf(rws).at(-1), { msg: "stopped" })
  })

  t.test(
    `${signal} drains: an open tunnel continues, new clients are refused, and rws exits with code 0`,
    async (t) => {
      const { rws, address, client } = await serveTunnel(t)
      rws.signal(signal)
      await untilLogged(rws, ({ msg }) => msg === DRAINING)
      await t.rejects(RawPeer.connect(address), { code: "ECONNREFUSED" })

      client.write("still here")
      await client.untilText("\r\n\r\nstill here")
      t.equal(rws.exit, undefined)

      client.socket.end()
      t.strictSame(await rws.untilExit(), ENDED)
      const [session, stopped] = logOf(rws).slice(-2)
      t.match(session, { reason: "client_fin", bytes_from_client: 10 })
      t.match(stopped, { msg: "stopped", cut: 0 })
    },
  )

  for (const second of ["SIGTERM", "SIGINT"] as const) {
    t.test(
      `after ${signal} a ${second} cuts the remaining tunnels, and rws exits with code 3 and says how many`,
      async (t) => {
        const { rws, client } = await serveTunnel(t)
        rws.signal(signal)
        await untilLogged(rws, ({ msg }) => msg === DRAINING)
        rws.signal(second)
        t.strictSame(await rws.untilExit(), CUT)
        await client.untilEnd()
        const [session, ...rest] = logOf(rws).filter(({ msg }) => msg !== "listening" && msg !== DRAINING)
        t.match(session, { reason: "drain_timeout" })
        t.match(rest, [
          { msg: "stopped", cut: 1 },
          { msg: "ended; the drain has cut 1 tunnel", cut: 1, level: 40 },
        ])
        t.equal(rest.length, 2, "logged once, although there were two signals")
      },
    )
  }
}

t.test("a client that has no tunnel yet does not count as cut", async (t) => {
  const { rws, address } = await serveRws(t, ["127.0.0.1:9"])
  const client = await RawPeer.connect(address)
  rws.signal("SIGTERM")
  await untilLogged(rws, ({ msg }) => msg === DRAINING)
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), ENDED)
  client.socket.destroy()
})

t.test("with drain_delay_ms rws accepts after SIGTERM, until a second one ends it at once", async (t) => {
  const backend = await startEchoBackend(t)
  const { rws, address } = await serveRws(t, [backend.address], ["--drain-delay-ms", "600000"])
  rws.signal("SIGTERM")
  await untilLogged(rws, ({ msg }) => msg === DRAINING)
  const client = await RawPeer.connect(address)
  client.write(upgradeHead())
  await client.untilText("\r\n\r\n")
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), CUT)
  await t.rejects(RawPeer.connect(address), { code: "ECONNREFUSED" })
})

const NO_LOG_FILE =
  "SIGUSR1 ignored: there is no log file to reopen; the inspector is opened by node --inspect only"
const IGNORED = [
  { signal: "SIGHUP", text: "SIGHUP ignored: rws runs by flags, so there is no file to reload" },
  { signal: "SIGUSR1", text: NO_LOG_FILE },
] as const
const IGNORED_AT_START = [
  { signal: "SIGHUP", text: "SIGHUP ignored: there is nothing to reload" },
  { signal: "SIGUSR1", text: NO_LOG_FILE },
  { signal: "SIGUSR2", text: "SIGUSR2 ignored: there is nothing to drain" },
] as const

for (const { signal, text } of IGNORED) {
  t.test(`${signal} is logged and ignored: a tunnel continues`, async (t) => {
    const { rws, client } = await serveTunnel(t)
    rws.signal(signal)
    const line = await untilLogged(rws, ({ msg }) => msg === text)
    t.match(line, { level: 40, signal })
    client.write("still here")
    await client.untilText("\r\n\r\nstill here")
    rws.signal("SIGTERM").signal("SIGINT")
    t.strictSame(await rws.untilExit(), CUT)
    t.equal(rws.stderr, "", "no inspector was opened")
  })
}

/** A preloaded module: the configuration is read once a line has come on standard input. */
const SLOW_FILES = `
  import { once } from "node:events"
  import files from "node:fs/promises"
  import { syncBuiltinESMExports } from "node:module"
  const { readFile } = files
  files.readFile = async (file, ...rest) => {
    if (!String(file).endsWith(".toml")) return readFile(file, ...rest)
    console.error("reading")
    await once(process.stdin, "data")
    process.stdin.destroy()
    return readFile(file, ...rest)
  }
  syncBuiltinESMExports()`

t.test("signals before the log exists are reported on standard error, and rws starts", async (t) => {
  const config = join(await temporaryFolder(t), "rws.toml")
  await writeFile(config, '[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ["127.0.0.1:9"]\n')
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(SLOW_FILES)}` }
  const rws = startRws(t, ["--config", config], { env })
  await rws.untilOutput(/reading/)
  for (const { signal, text } of IGNORED_AT_START) {
    rws.signal(signal)
    await rws.untilOutput(new RegExp(text))
  }
  rws.type("\n")
  await rws.untilOutput(/"msg":"listening"/)
})

t.test("rws demo ignores SIGHUP with a line on standard error", async (t) => {
  const demo = startRws(t, ["demo"])
  await demo.untilOutput(/^It works/m)
  demo.signal("SIGHUP")
  await demo.untilOutput(/^SIGHUP ignored/m)
  demo.signal("SIGTERM")
  t.strictSame(await demo.untilExit(), ENDED)
})

const script = Program.start(t, "script", ["--version"])
await script.untilExit()
const noTerminal = !/util-linux/.test(script.output) && "script of Debian's bsdutils is not installed"

t.test("rws drains when its terminal is closed", { skip: noTerminal }, async (t) => {
  const backend = await startEchoBackend(t)
  const flags = `--bind 127.0.0.1:0 --backend ${backend.address} --drain-timeout-ms 1`
  const command = `echo pid $$; exec ${process.execPath} ${RWS} ${flags}`
  const terminal = Program.start(t, "script", ["--quiet", "--command", command, "/dev/null"], {
    env: { TERM: "xterm" },
  })
  const [, pid] = await terminal.untilOutput(/pid (\d+)/)
  t.teardown(() => killIfThere(Number(pid)))
  const [, address = ""] = await terminal.untilOutput(/bind"?: ?"(127\.0\.0\.1:\d+)"/)
  const client = await RawPeer.connect(address)
  await client.write(upgradeHead()).untilText("\r\n\r\n")
  terminal.signal("SIGKILL")
  await client.untilEnd()
  client.socket.end()
  await client.untilClosed()
})

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL")
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error
  }
}
