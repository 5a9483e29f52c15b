import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { type Program, startRws, temporaryFolder } from "../../support/program/program.js"

const LOOK_MS = 10

/** Waits until the file contains a log line with this message. */
async function untilLine(file: string, msg: string): Promise<Readonly<Record<string, unknown>>> {
  for (;;) {
    const text = await readFile(file, "utf8").catch(() => "")
    const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n")
    const found = lines.filter((line) => line !== "").map((line) => JSON.parse(line))
    const line = found.find((line) => line.msg === msg)
    if (line !== undefined) return line
    await setTimeout(LOOK_MS)
  }
}

/** An rws that writes to a file, with the address of its listener. */
async function serveToFile(t: Test, file: string): Promise<{ rws: Program; address: string }> {
  const backend = await startEchoBackend(t)
  const flags = ["--bind", "127.0.0.1:0", "--backend", backend.address, "--log-file", file]
  const rws = startRws(t, flags)
  const { bind } = await untilLine(file, "listening")
  return { rws, address: String(bind) }
}

t.test("with [log] file the log goes to that file and nothing to standard output", async (t) => {
  const file = join(await temporaryFolder(t), "rws.log")
  await writeFile(file, '{"msg":"from before"}\n')
  const { rws } = await serveToFile(t, file)
  await untilLine(file, "from before")
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
  await untilLine(file, "stopped")
  t.equal(rws.output, "")
})

t.test("a new log file can't be read by everybody", async (t) => {
  const file = join(await temporaryFolder(t), "rws.log")
  await serveToFile(t, file)
  t.equal((await stat(file)).mode & 0o007, 0)
})

t.test("SIGUSR1 opens the log file again, as logrotate expects, and a tunnel goes on", async (t) => {
  const file = join(await temporaryFolder(t), "rws.log")
  const { rws, address } = await serveToFile(t, file)
  const client = await RawPeer.connect(address)
  await client.write(upgradeHead()).untilText("\r\n\r\n")
  await rename(file, `${file}.1`)
  rws.signal("SIGUSR1")
  t.match(await untilLine(file, "log file reopened"), { signal: "SIGUSR1", file })
  await client.write("still here").untilText("\r\n\r\nstill here")
  client.socket.end()
  t.match(await untilLine(file, "session ended"), { reason: "client_fin" })
  await untilLine(`${file}.1`, "listening")
  t.equal(rws.output, "", "no inspector was opened")
})

t.test("a log file that can't be opened again keeps the lines, and says so", async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, "logs", "rws.log")
  await mkdir(join(folder, "logs"))
  const { rws } = await serveToFile(t, file)
  await rename(join(folder, "logs"), join(folder, "moved"))
  rws.signal("SIGUSR1")
  const line = await untilLine(join(folder, "moved", "rws.log"), "log file not reopened")
  t.match(line, { level: 50, error: /^cannot open the log file: ENOENT/ })
})

t.test("a log file that can't be opened at the start is an error with exit code 2", async (t) => {
  const file = join(await temporaryFolder(t), "missing", "rws.log")
  const rws = startRws(t, ["--bind", "127.0.0.1:0", "--backend", "127.0.0.1:9", "--log-file", file])
  t.strictSame(await rws.untilExit(), { code: 2, signal: null })
  t.match(rws.stderr, /^cannot open the log file: ENOENT/)
})

t.test("--log-level and --log-file override the file's keys one by one", async (t) => {
  const folder = await temporaryFolder(t)
  const [config, file] = [join(folder, "rws.toml"), join(folder, "rws.log")]
  const listener = '[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ["127.0.0.1:9"]\n'
  await writeFile(config, `[log]\nlevel = "error"\nfile = "${join(folder, "other.log")}"\n\n${listener}`)
  startRws(t, ["--config", config, "--log-file", file, "--log-level", "info"])
  await untilLine(file, "listening")
})
