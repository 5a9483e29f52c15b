import { readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import {
  type LogLine,
  logOf,
  type Program,
  runRws,
  startRws,
  temporaryFolder,
  untilServing,
} from "../../support/program/program.js"

interface Served {
  readonly rws: Program
  readonly address: string
  readonly config: string
  readonly pidFile: string
  /** Replaces the file by a valid one with this timeout, as editors do. */
  configure(idleTimeoutMs: number): Promise<void>
  /** Waits for this many log lines with this beginning of their message. */
  untilLines(beginning: string, count: number): Promise<LogLine[]>
}

/** An rws that serves a file with a pid file. */
async function serve(t: Test, keys = ""): Promise<Served> {
  const backend = await startEchoBackend(t)
  const folder = await temporaryFolder(t)
  const [config, pidFile] = [join(folder, "rws.toml"), join(folder, "rws.pid")]
  const configure = async (idleTimeoutMs: number) => {
    const text = `pid_file = "${pidFile}"
      ${keys}
      [[ws_proxy]]
      name = "chat"
      bind = "127.0.0.1:0"
      idle_timeout_ms = ${idleTimeoutMs}
      backends = ["${backend.address}"]`
    await writeFile(`${config}.new`, text)
    await rename(`${config}.new`, config)
  }
  await configure(1000_000)
  const { rws, address } = await untilServing(startRws(t, ["--config", config]))
  const linesWith = (beginning: string) => logOf(rws).filter(({ msg }) => String(msg).startsWith(beginning))
  return {
    rws,
    address,
    config,
    pidFile,
    configure,
    async untilLines(beginning, count) {
      await rws.until(
        () => linesWith(beginning).length >= count || undefined,
        `${count} lines "${beginning}"`,
      )
      return linesWith(beginning)
    },
  }
}

async function openTunnel(t: Test, address: string): Promise<RawPeer> {
  const client = await RawPeer.connect(address)
  t.teardown(() => client.socket.destroy())
  return client.write(upgradeHead()).untilText("\r\n\r\n")
}

const REFUSED = "reload refused: the running configuration stays"

t.test("SIGHUP applies the changed file, and says in one line what has changed", async (t) => {
  const { rws, address, configure, untilLines } = await serve(t)
  const client = await openTunnel(t, address)
  await configure(2000_000)
  rws.signal("SIGHUP")
  const [line] = await untilLines("reloaded: ", 1)
  t.match(line?.msg, /^reloaded: listener chat: idle_timeout_ms 1000000 -> 2000000$/)
  await client.write("still here").untilText("\r\n\r\nstill here")
  rws.signal("SIGHUP")
  t.equal((await untilLines("reloaded: ", 2))[1]?.msg, "reloaded: nothing has changed")
  await openTunnel(t, address)
})

t.test("SIGHUP refuses garbage whole, with all its problems, and serves on", async (t) => {
  const { rws, address, config, configure, untilLines } = await serve(t)
  const client = await openTunnel(t, address)
  await writeFile(config, '[[ws_proxy]]\nbind = "nowhere"\nidle_timeout_ms = -1\nbackends = []\n')
  rws.signal("SIGHUP")
  const [line] = await untilLines(REFUSED, 1)
  const problems = line?.problems as string[]
  t.match(line, { level: 50, cause: "SIGHUP" })
  t.strictSame(
    problems.map((problem) => problem.slice(0, `${config}:1`.length)),
    ["2", "3", "4"].map((number) => `${config}:${number}`),
  )
  await writeFile(config, "\0\xff}garbage{")
  rws.signal("SIGHUP")
  await untilLines(REFUSED, 2)
  await client.write("still here").untilText("\r\n\r\nstill here")
  await openTunnel(t, address)
  await configure(2000_000)
  rws.signal("SIGHUP")
  await untilLines("reloaded: ", 1)
})

t.test("SIGHUP during a drain is ignored with a line", async (t) => {
  const { rws, address, configure, untilLines } = await serve(t)
  const client = await openTunnel(t, address)
  rws.signal("SIGTERM")
  await untilLines("draining", 1)
  await configure(2000_000)
  rws.signal("SIGHUP")
  t.match(await untilLines("SIGHUP ignored: rws is draining", 1), [{ level: 40 }])
  await client.write("still here").untilText("\r\n\r\nstill here")
  client.socket.end()
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
})

t.test("SIGTERM during reloads drains", async (t) => {
  const { rws, address, configure, untilLines } = await serve(t)
  const client = await openTunnel(t, address)
  for (let reload = 0; reload < 20; reload++) {
    await configure(1000_000 + reload)
    rws.signal("SIGHUP")
  }
  rws.signal("SIGTERM")
  await untilLines("draining", 1)
  await client.write("still here").untilText("\r\n\r\nstill here")
  client.socket.end()
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
  t.strictSame(
    logOf(rws).filter(({ level }) => Number(level) >= 50),
    [],
  )
})

t.test("rws reload checks the file, then tells the rws of its pid file to reload", async (t) => {
  const { rws, config, configure, untilLines } = await serve(t)
  await configure(2000_000)
  const { code, stdout, stderr } = await runRws(t, ["reload", "--config", config])
  t.equal(stderr, "")
  t.equal(code, 0)
  t.match(stdout, `process ${rws.pid},`)
  await untilLines("reloaded: listener chat", 1)
})

t.test("rws reload --pid needs no pid file", async (t) => {
  const { rws, config, untilLines } = await serve(t)
  const { code } = await runRws(t, ["reload", config, "--pid", String(rws.pid)])
  t.equal(code, 0)
  await untilLines("reloaded: ", 1)
})

t.test("rws reload reports mistakes itself and sends no signal", async (t) => {
  const { rws, config, address } = await serve(t)
  await writeFile(config, "[[ws_proxy]]\n")
  const { code, stderr } = await runRws(t, ["reload", config])
  t.equal(code, 2)
  t.match(stderr, `${config}:1: ws_proxy[0].bind: required, but missing`)
  await openTunnel(t, address)
  t.strictSame(
    logOf(rws).filter(({ msg }) => /reload/.test(String(msg))),
    [],
  )
})

t.test("rws reload says that no rws is running, with exit code 1", async (t) => {
  const { rws, config, pidFile } = await serve(t)
  const { pid } = rws
  rws.signal("SIGKILL")
  await rws.untilExit()
  t.equal(await readFile(pidFile, "utf8"), `${pid}\n`)
  const byFile = await runRws(t, ["reload", config])
  t.match(byFile, { code: 1, stderr: `${pidFile}: no rws is running with this pid file\n` })
  const byPid = await runRws(t, ["reload", config, "--pid", String(pid)])
  t.match(byPid, { code: 1, stderr: /there is no such process/ })
})

t.test("with watch a changed file is applied, and garbage refused", async (t) => {
  const { address, config, configure, untilLines } = await serve(t, "watch = true")
  await configure(2000_000)
  await untilLines("reloaded: listener chat: idle_timeout_ms", 1)
  await writeFile(config, "garbage")
  t.match(await untilLines(REFUSED, 1), [{ cause: "watch" }])
  await configure(3000_000)
  await untilLines("reloaded: listener chat: idle_timeout_ms 2000000 -> 3000000", 1)
  await openTunnel(t, address)
})
