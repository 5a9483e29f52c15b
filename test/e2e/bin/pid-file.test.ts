import { execFileSync } from "node:child_process"
import { access, mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import {
  Program,
  RWS,
  serveRws,
  startRws,
  temporaryFolder,
  untilLogged,
  untilServing,
} from "../../support/program/program.js"

const FLAGS = ["--bind", "127.0.0.1:0", "--backend", "127.0.0.1:9"]

async function pidFileIn(t: Test): Promise<string> {
  return join(await temporaryFolder(t), "rws.pid")
}

function serveWith(t: Test, pidFile: string): Promise<{ rws: Program }> {
  return serveRws(t, ["127.0.0.1:9"], ["--pid-file", pidFile])
}

t.test("the pid file holds the process id while rws serves, and is removed at the end", async (t) => {
  const pidFile = await pidFileIn(t)
  const { rws } = await serveWith(t, pidFile)
  t.equal(await readFile(pidFile, "utf8"), `${rws.pid}\n`)
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
  t.strictSame(await readdir(join(pidFile, "..")), [], "and nothing else is left")
})

t.test("a pid file that has another process id at the end stays", async (t) => {
  const pidFile = await pidFileIn(t)
  const { rws } = await serveWith(t, pidFile)
  await writeFile(pidFile, "1\n")
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
  t.equal(await readFile(pidFile, "utf8"), "1\n")
})

t.test("the pid file of an rws that was killed is replaced", async (t) => {
  const pidFile = await pidFileIn(t)
  const { rws: dead } = await serveWith(t, pidFile)
  dead.signal("SIGKILL")
  await dead.untilExit()
  t.equal(await readFile(pidFile, "utf8"), `${dead.pid}\n`)
  const { rws } = await serveWith(t, pidFile)
  t.equal(await readFile(pidFile, "utf8"), `${rws.pid}\n`)
})

const noProc = process.platform !== "linux" && "only Linux tells which files a process has open"

t.test("a process that got the id of a dead rws is not mistaken for it", { skip: noProc }, async (t) => {
  const pidFile = await pidFileIn(t)
  await writeFile(pidFile, `${process.pid}\n`)
  const { rws } = await serveWith(t, pidFile)
  t.equal(await readFile(pidFile, "utf8"), `${rws.pid}\n`)
})

t.test(
  "a second rws with the pid file of a running one ends with exit code 1 and binds nothing",
  async (t) => {
    const pidFile = await pidFileIn(t)
    const { rws: first } = await serveWith(t, pidFile)
    const second = startRws(t, [...FLAGS, "--pid-file", pidFile])
    t.strictSame(await second.untilExit(), { code: 1, signal: null })
    t.equal(
      second.stderr,
      `${pidFile}: rws is running with this pid file as process ${first.pid}; see rws --replace\n`,
    )
    t.equal(second.stdout, "")
    t.equal(await readFile(pidFile, "utf8"), `${first.pid}\n`)
  },
)

t.test("of several that start at the same time with one pid file one serves", async (t) => {
  const pidFile = await pidFileIn(t)
  const programs = Array.from({ length: 3 }, () => startRws(t, [...FLAGS, "--pid-file", pidFile]))
  const losers = await Promise.all(programs.map((rws) => Promise.race([rws.untilExit(), serving(rws)])))
  t.equal(losers.filter((exit) => exit === "serving").length >= 1, true)
  const holder = Number(await readFile(pidFile, "utf8"))
  const others = programs.filter(({ pid }) => pid !== holder)
  t.equal(others.length, 2)
  for (const rws of others) t.match(await rws.untilExit(), { code: 1 })
  const [winner] = programs.filter(({ pid }) => pid === holder)
  t.equal(winner?.exit, undefined)
})

async function serving(rws: Program): Promise<"serving" | undefined> {
  return untilServing(rws).then(
    () => "serving",
    () => undefined,
  )
}

t.test("a file that is no pid file is never replaced", async (t) => {
  const pidFile = await pidFileIn(t)
  await writeFile(pidFile, "[[ws_proxy]]\n")
  const rws = startRws(t, [...FLAGS, "--pid-file", pidFile])
  t.strictSame(await rws.untilExit(), { code: 1, signal: null })
  t.match(rws.stderr, "this is not a pid file")
  t.equal(await readFile(pidFile, "utf8"), "[[ws_proxy]]\n")
})

t.test("a device or a pipe is refused as a pid file, without reading from it", async (t) => {
  const fifo = await pidFileIn(t)
  execFileSync("mkfifo", [fifo])
  for (const pidFile of ["/dev/zero", fifo]) {
    const rws = startRws(t, [...FLAGS, "--pid-file", pidFile])
    t.strictSame(await rws.untilExit(), { code: 1, signal: null })
    t.equal(rws.stderr, `${pidFile}: this is not a pid file: it should be a regular file\n`)
  }
})

t.test("rws serves without its pid file if that can't be written, and says so", async (t) => {
  const pidFile = join(await temporaryFolder(t), "missing", "rws.pid")
  const { rws } = await serveWith(t, pidFile)
  const line = await untilLogged(rws, ({ level }) => level === 50)
  t.match(line, { msg: "pid file not written: rws reload does not find this rws", error: /ENOENT/ })
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
})

t.test("rws that can't bind leaves no pid file", async (t) => {
  const pidFile = await pidFileIn(t)
  const { address } = await serveRws(t, ["127.0.0.1:9"])
  const rws = startRws(t, ["--bind", address, "--backend", "127.0.0.1:9", "--pid-file", pidFile])
  t.strictSame(await rws.untilExit(), { code: 1, signal: null })
  await t.rejects(access(pidFile), { code: "ENOENT" })
})

t.test("--replace without a pid file is a usage error", async (t) => {
  const rws = startRws(t, [...FLAGS, "--replace"])
  t.strictSame(await rws.untilExit(), { code: 2, signal: null })
  t.match(rws.stderr, "--replace needs pid_file")
})

const unshare = Program.start(t, "unshare", ["--user", "--map-root-user", "--mount", "true"])
const { code } = await unshare.untilExit()
const noMounts = code !== 0 && "mounting is not permitted here"

t.test("a full disk does not keep rws from serving without its pid file", { skip: noMounts }, async (t) => {
  const folder = join(await temporaryFolder(t), "full")
  await mkdir(folder)
  // The 4 KiB of the file system are taken by one file.
  const script = `mount -t tmpfs -o size=4k none ${folder} && head -c 4096 /dev/zero > ${folder}/filler
    exec ${process.execPath} ${RWS} ${FLAGS.join(" ")} --pid-file ${folder}/rws.pid`
  const args = ["--user", "--map-root-user", "--mount", "sh", "-c", script]
  const { rws } = await untilServing(Program.start(t, "unshare", args))
  const line = await untilLogged(rws, ({ level }) => level === 50)
  t.match(line, { error: /^ENOSPC/ })
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
})
