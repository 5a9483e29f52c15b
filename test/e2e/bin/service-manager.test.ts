import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join } from "node:path"
import t, { type Test } from "tap"
import { fakeManager } from "../../support/program/fake-systemd-notify.js"
import { NEWER_NODE, noNewerNode } from "../../support/program/newer-node.js"
import {
  logOf,
  Program,
  RWS,
  startRws,
  temporaryFolder,
  untilServing,
} from "../../support/program/program.js"

const FLAGS = ["--bind", "127.0.0.1:0", "--backend", "127.0.0.1:9"]
const ENDED = { code: 0, signal: null }

/** The processes that this one has started. */
function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean)
}

async function end(t: Test, rws: Program): Promise<void> {
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), ENDED)
}

t.test("rws tells its service manager that it is ready, and that it stops", async (t) => {
  const { env, messages } = await fakeManager(t)
  const { rws, address } = await untilServing(startRws(t, FLAGS, { env }))
  await messages.untilOutput(/\n/)
  await end(t, rws)
  await messages.untilOutput(/STOPPING/)
  t.equal(messages.stdout, `READY=1|STATUS=listening on ${address}\nSTOPPING=1|STATUS=draining\n`)
  t.equal(rws.stderr, "")
})

t.test("the watchdog gets signs of life, twice as often as it expects them", async (t) => {
  const { env, messages } = await fakeManager(t)
  const { rws } = await untilServing(startRws(t, FLAGS, { env: { ...env, WATCHDOG_USEC: "100000" } }))
  await messages.untilOutput(/(.*WATCHDOG=1\n){3}/)
  await end(t, rws)
})

t.test("a watchdog that waits for another process gets no signs of life", async (t) => {
  const { env, messages } = await fakeManager(t)
  const { rws } = await untilServing(
    startRws(t, FLAGS, { env: { ...env, WATCHDOG_USEC: "1000", WATCHDOG_PID: "1" } }),
  )
  await messages.untilOutput(/READY/)
  await end(t, rws)
  await messages.untilOutput(/STOPPING/)
  t.notMatch(messages.stdout, "WATCHDOG")
})

t.test("the process that notifies inherits no variables, and no descriptors but its pipes", async (t) => {
  const { env, messages } = await fakeManager(t)
  const { rws } = await untilServing(
    startRws(t, FLAGS, { env: { ...env, WATCHDOG_USEC: "60000000", SECRET: "x" } }),
  )
  await messages.untilOutput(/READY/)
  const [shell = ""] = childrenOf(rws.pid)
  const variables = readFileSync(`/proc/${shell}/environ`, "utf8").split("\0").filter(Boolean)
  t.same(variables.map((variable) => variable.replace(/=.*/, "")).sort(), ["NOTIFY_SOCKET", "PATH"])
  const descriptors = readdirSync(`/proc/${shell}/fd`).map((fd) => readlinkSync(`/proc/${shell}/fd/${fd}`))
  t.ok(descriptors.length <= 4, descriptors.join(" "))
  await end(t, rws)
})

t.test("without NOTIFY_SOCKET no process is started", async (t) => {
  const { rws } = await untilServing(startRws(t, FLAGS))
  t.same(childrenOf(rws.pid), [])
  await end(t, rws)
})

/** Takes a while, and adds which process has started its shell and still lives. */
const SLOW_NOTIFY = `#!/bin/sh
IFS='|'
sleep 0.2
echo "$*|$(ps -o ppid= -p $PPID | tr -d ' ')" >> "$(dirname "$0")/messages"
`

t.test("a replaced rws names its successor as the main process", { skip: noNewerNode }, async (t) => {
  const { env, messages } = await fakeManager(t, SLOW_NOTIFY)
  const pidFile = join(await temporaryFolder(t), "rws.pid")
  const flags = ["--reuse-port", "--pid-file", pidFile, "--backend", "127.0.0.1:9"]
  const start = (bind: string, more: readonly string[] = [], surroundings = {}) =>
    untilServing(Program.start(t, NEWER_NODE ?? "", [RWS, "--bind", bind, ...flags, ...more], surroundings))
  const { rws: old, address } = await start("127.0.0.1:0", [], { env })
  const { rws: next } = await start(address, ["--replace"])
  t.strictSame(await old.untilExit(), ENDED)
  await messages.untilOutput(/MAINPID.*\n/)
  t.equal(
    messages.stdout,
    `READY=1|STATUS=listening on ${address}|${old.pid}\nMAINPID=${next.pid}|${old.pid}\n`,
    "and does not exit before the service manager knows",
  )
  await end(t, next)
})

t.test("an rws that gets SIGUSR2 without a successor stops", async (t) => {
  const { env, messages } = await fakeManager(t)
  const pidFile = join(await temporaryFolder(t), "rws.pid")
  const { rws } = await untilServing(startRws(t, [...FLAGS, "--pid-file", pidFile], { env }))
  rws.signal("SIGUSR2")
  t.strictSame(await rws.untilExit(), ENDED)
  await messages.untilOutput(/STOPPING=1/)
  t.notMatch(messages.stdout, "MAINPID")
})

t.test("a failure to notify is one warning, and rws goes on", async (t) => {
  const script = "#!/bin/sh\necho 'Failed to notify init system' >&2\nexit 1\n"
  const { env } = await fakeManager(t, script)
  const { rws } = await untilServing(startRws(t, FLAGS, { env: { ...env, WATCHDOG_USEC: "20000" } }))
  await rws.untilOutput(/cannot notify/)
  await end(t, rws)
  const warnings = logOf(rws).filter(({ level }) => level === 40)
  t.match(warnings, [{ msg: "cannot notify the service manager: Failed to notify init system" }])
  t.equal(warnings.length, 1)
})
