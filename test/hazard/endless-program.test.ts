/**
 * A signal ends rws even while it waits for the reader of its output, a health check or a name lookup.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync } from "node:fs"
import { join } from "node:path"
import t, { type Test } from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { OutputPipe } from "../support/program/output-pipe.js"
import { logOf, RWS, serveFile, startRws, temporaryFolder, untilServing } from "../support/program/program.js"

const SIGNALS = ["SIGTERM", "SIGINT"] as const
const SERVE = ["--bind", "127.0.0.1:0", "--backend", "127.0.0.1:9"]
const COMMANDS: readonly { command: readonly string[]; ready: RegExp; code: number | null }[] = [
  { command: SERVE, ready: /"listening"}\n/, code: 0 },
  { command: ["demo"], ready: /^ {2}node .*\n/m, code: 0 },
  // It has nothing to drain and no signal handler.
  { command: ["echo", "--bind", "127.0.0.1:0"], ready: /\n/, code: null },
]

const READERS: readonly { title: string; stop: (pipe: OutputPipe) => void }[] = [
  { title: "has closed it", stop: (pipe) => pipe.leave() },
  { title: "has stalled", stop: (pipe) => pipe.stall() },
]

for (const { command, ready, code } of COMMANDS) {
  for (const { title, stop } of READERS) {
    for (const signal of SIGNALS) {
      t.test(
        `rws ${command.join(" ")} ends at ${signal} when the reader of its output ${title}`,
        async (t) => {
          const pipe = await OutputPipe.open(t)
          const rws = startOn(t, command, pipe.fd)
          await pipe.untilText(ready)
          stop(pipe)
          const exit = once(rws, "exit")
          rws.kill(signal)
          t.strictSame(await exit, code === null ? [null, signal] : [code, null])
        },
      )
    }
  }
}

for (const [command, code] of [
  [SERVE, 0],
  [["demo"], 1],
  [["check", ...SERVE], 1],
] as const) {
  t.test(`rws ${command.join(" ")} exits with code ${code} when its output's disk is full`, async (t) => {
    const full = openSync("/dev/full", "w")
    t.teardown(() => closeSync(full))
    const rws = startOn(t, command, full)
    const exit = once(rws, "exit")
    let complaint = ""
    const complained = new Promise<void>((resolve) => {
      rws.stderr?.setEncoding("utf8").on("data", (text: string) => {
        complaint += text
        resolve()
      })
    })
    if (code === 0) {
      await complained
      rws.kill("SIGTERM")
    }
    t.strictSame(await exit, [code, null])
    await complained
    t.match(complaint, /^[^\n]*ENOSPC[^\n]*\n$/, "one line, without a stack trace")
  })
}

t.test("rws check exits when the reader closes its output", async (t) => {
  const pipe = await OutputPipe.open(t)
  pipe.leave()
  t.strictSame(await once(startOn(t, ["check", ...SERVE], pipe.fd), "exit"), [0, null])
})

for (const signal of SIGNALS) {
  t.test(`${signal} ends rws while a health check waits for a response`, async (t) => {
    const silent = await startBackend(t)
    const check = 'health_check = { type = "http", timeout_ms = 600000 }'
    const { rws } = await serveFile(
      t,
      `[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ["${silent.address}"]\n${check}\n`,
    )
    await (await silent.peer()).untilText("\r\n\r\n")
    rws.signal(signal)
    t.strictSame(await rws.untilExit(), { code: 0, signal: null })
    t.match(logOf(rws).at(-1), { msg: "stopped" })
  })
}

/**
 * A preloaded module that makes lookups of slow.example hang. As with a silent name server, each lookup
 * blocks one of libuv's threads: opening a FIFO waits for its other end.
 */
function endlessLookups(fifo: string): string {
  const module = `
    import dns from "node:dns"
    import fs from "node:fs"
    const { lookup } = dns
    dns.lookup = (name, ...rest) => {
      if (name !== "slow.example") return lookup(name, ...rest)
      fs.open(${JSON.stringify(fifo)}, "r", () => {})
      console.error("looking up")
    }`
  return `data:text/javascript,${encodeURIComponent(module)}`
}

for (const signal of SIGNALS) {
  t.test(`${signal} ends rws while a name is being looked up`, async (t) => {
    const fifo = join(await temporaryFolder(t), "fifo")
    execFileSync("mkfifo", [fifo])
    const args = ["--bind", "127.0.0.1:0", "--backend", "slow.example:9", "--drain-timeout-ms", "1"]
    const env = { NODE_OPTIONS: `--import=${endlessLookups(fifo)}` }
    const { rws, address } = await untilServing(startRws(t, args, { env }))
    const client = await RawPeer.connect(address)
    t.teardown(() => client.socket.destroy())
    client.write(upgradeHead())
    await rws.untilOutput(/looking up/)
    rws.signal(signal)
    // Node can't exit with a code while one of its threads is blocked.
    t.strictSame(await rws.untilExit(), { code: null, signal: "SIGTERM" })
    t.match(logOf(rws).at(-1), { msg: "stopped" })
  })
}

/** A program that writes its standard output to a descriptor of the test. Killed when the test ends. */
function startOn(t: Test, args: readonly string[], stdout: number): ChildProcess {
  const program = spawn(process.execPath, [RWS, ...args], { stdio: ["ignore", stdout, "pipe"] })
  t.teardown(() => program.kill("SIGKILL"))
  return program
}
