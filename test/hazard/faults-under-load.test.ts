/**
 * One fault after the other in one rws, which is reloaded every 100 ms while clients open tunnels all the
 * time. Open tunnels keep every byte, handshakes fail only where descriptors run out or a thread dies, and no
 * place is lost.
 */
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync, renameSync } from "node:fs"
import { setTimeout } from "node:timers/promises"
import t, { type Test } from "tap"
import { parseOpenFileLimit } from "../../lib/limits/descriptors.js"
import { upgradeHead } from "../support/http/heads.js"
import { attempt, openAll } from "../support/peers/counted-client.js"
import { EchoLoad } from "../support/peers/echo-load.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { openSteadily } from "../support/peers/steady-tunnels.js"
import { NEWER_NODE, noNewerNode } from "../support/program/newer-node.js"
import type { LogLine } from "../support/program/program.js"
import { FULL_DISK, type Limits, SoakedRws } from "../support/program/soaked-rws.js"

/** For so long the faults are repeated. By default each comes once. */
const SOAK_MS = Number(process.env.RWS_SOAK_S ?? 0) * 1000
/** How long each fault lasts at least. */
const FAULT_MS = 250
/** Between two messages of an open tunnel. */
const PAUSE_MS = 20
/** Places that are free beside the open tunnels when the limits are checked. */
const FREE = 10
/** Open files that come and go. */
const SOME_FILES = 10

const RUNS = [
  { title: "one thread", node: process.execPath, workers: 1, skip: false },
  { title: "two worker threads", node: NEWER_NODE ?? "", workers: 2, skip: noNewerNode },
] as const

const noLinux = process.platform !== "linux" && "needs /dev/full and prlimit"

t.setTimeout(RUNS.length * (SOAK_MS + 60_000))

for (const { title, node, workers, skip } of RUNS) {
  const options = { skip: noLinux || skip, timeout: SOAK_MS + 60_000 }
  t.test(`open tunnels survive all faults, which end with their cause, with ${title}`, options, async (t) => {
    const soaked = await SoakedRws.start(t, node, workers)
    const { bind, extra } = soaked.site
    const before = openFiles(soaked)
    const tunnels = [
      ...(await keepTunnels(t, 12, bind)),
      ...(await keepTunnels(t, 4, bind, "/tls")),
      ...(await keepTunnels(t, 4, extra)),
    ]
    const faults = workers > 1 ? [...FAULTS, KILLED_WORKER] : FAULTS
    const end = performance.now() + SOAK_MS
    let [opened, failed] = [0, 0]
    soaked.startReloads()
    do {
      for (const fault of faults) {
        const load = openSteadily(bind)
        t.teardown(() => load.stop())
        const endFault = await fault.inject(soaked)
        await setTimeout(FAULT_MS)
        await endFault()
        await soaked.log.untilNext(isReloaded)
        const failures = await load.stop()
        opened += load.opened
        failed += failures.length
        if (!fault.failsHandshakes) t.strictSame(failures, [], `${fault.title}: no handshake fails`)
        const broken = await removeBroken(t, tunnels)
        if (!fault.breaksTunnels) t.equal(broken, 0, `${fault.title}: all tunnels stay open`)
        tunnels.push(...(await keepTunnels(t, broken, bind)))
      }
    } while (performance.now() < end)
    await soaked.stopReloads()
    await checkPlaces(t, soaked, tunnels)
    const more = openFiles(soaked) - before - 2 * tunnels.length
    t.ok(more < SOME_FILES, `${more} more open files than at the start, apart from those of tunnels`)
    await checkDrain(t, soaked, tunnels)
    const bytes = tunnels.reduce((sum, one) => sum + one.bytes, 0)
    t.comment(
      `${soaked.reloads} reloads, ${soaked.log.lines.filter(isReloaded).length} of them logged as applied; ` +
        `${opened} tunnels opened, ${failed} failed; ${bytes} bytes echoed by ${tunnels.length} tunnels`,
    )
    await checkLog(t, soaked)
  })
}

interface Fault {
  readonly title: string
  /** Resolves to what ends it. */
  readonly inject: (soaked: SoakedRws) => Promise<() => unknown>
  readonly failsHandshakes?: true
  readonly breaksTunnels?: true
}

const FAULTS: readonly Fault[] = [
  { title: "no fault", inject: async () => () => {} },
  {
    title: "a garbage file",
    async inject(soaked) {
      soaked.garbage = "}garbage{"
      await soaked.log.untilNext(isRefusedFor(/rws\.toml:1/))
      return () => {
        soaked.garbage = undefined
      }
    },
  },
  {
    title: "a missing certificate file",
    async inject({ site, log }) {
      const { certFile } = site.ca
      renameSync(certFile, `${certFile}.away`)
      await log.untilNext(isRefusedFor(/ca ".*" can't be read/))
      return () => renameSync(`${certFile}.away`, certFile)
    },
  },
  {
    title: "a full disk for the log",
    async inject(soaked) {
      const { program } = soaked
      const { length } = program.stderr
      soaked.moveLog(FULL_DISK)
      await program.until(() => program.stderr.length > length || undefined, "a complaint")
      return () => soaked.moveLog()
    },
  },
  {
    title: "no descriptors",
    failsHandshakes: true,
    async inject(soaked) {
      const { pid } = soaked.program
      const usual = parseOpenFileLimit(readFileSync(`/proc/${pid}/limits`, "latin1"))
      const limit = (files: number) => execFileSync("prlimit", ["--pid", `${pid}`, `--nofile=${files}:`])
      limit(Math.floor(openFiles(soaked) / 2))
      await soaked.log.untilNext(isRefusedFor(/EMFILE/))
      return () => limit(usual)
    },
  },
]

const KILLED_WORKER: Fault = {
  title: "a killed worker",
  failsHandshakes: true,
  breaksTunnels: true,
  async inject(soaked) {
    soaked.killWorker()
    await soaked.log.untilNext(({ msg }) => msg === "worker thread replaced")
    return () => {}
  },
}

/** Causes of lines above level "info". */
const EXPECTED = [
  /^pid file not written/,
  /^reload refused/,
  /^backend could not be dialled$/,
  /^session refused$/,
  /^worker thread ended$/,
  /^SIGHUP ignored: rws is draining$/,
]

const isReloaded = ({ msg }: LogLine) => /^reloaded: /.test(String(msg))

function isRefusedFor(problem: RegExp): (line: LogLine) => boolean {
  return ({ msg, problems }) => /^reload refused/.test(String(msg)) && problem.test(String(problems))
}

function openFiles({ program }: SoakedRws): number {
  return readdirSync(`/proc/${program.pid}/fd`).length
}

/** Opens tunnels that echo until they are stopped. */
function keepTunnels(t: Test, count: number, address: string, path = "/chat"): Promise<EchoLoad[]> {
  const open = async () => {
    const peer = await RawPeer.connect(address)
    t.teardown(() => peer.socket.destroy())
    await peer.write(upgradeHead({}, `GET ${path} HTTP/1.1`)).untilText("\r\n\r\n")
    const tunnel = new EchoLoad(peer)
    tunnel.start(() => setTimeout(PAUSE_MS))
    return tunnel
  }
  return Promise.all(Array.from({ length: count }, open))
}

/** Each tunnel that is still open echoes on. Returns how many are not. No byte of any may be wrong. */
async function removeBroken(t: Test, tunnels: EchoLoad[]): Promise<number> {
  await Promise.all(tunnels.map((one) => one.untilMore(2)))
  t.notOk(
    tunnels.some(({ isWrong }) => isWrong),
    "every byte that came back is right",
  )
  const open = tunnels.filter(({ isBroken }) => !isBroken)
  t.ok(open.length > 0)
  const broken = tunnels.length - open.length
  tunnels.splice(0, tunnels.length, ...open)
  return broken
}

/** Only the open tunnels hold places: limits that leave `FREE` let in as many clients, and no more. */
async function checkPlaces(t: Test, soaked: SoakedRws, tunnels: readonly EchoLoad[]): Promise<void> {
  const { bind, echoes, tlsEcho, silent } = soaked.site
  const openAt = ({ peers }: { readonly peers: readonly RawPeer[] }) =>
    peers.filter(({ closed, ended }) => !closed && !ended).length
  const atBackends = () => [...echoes, tlsEcho].reduce((sum, backend) => sum + openAt(backend), 0)
  while (atBackends() !== tunnels.length) await setTimeout(PAUSE_MS)
  const open = tunnels.filter(({ peer }) => bind.endsWith(`:${peer.socket.remotePort}`)).length
  const cases: readonly { title: string; limits: Limits; status: number }[] = [
    { title: "max_connections", limits: { listener: { max_connections: open + FREE } }, status: 503 },
    { title: "per client", limits: { listener: { max_connections_per_ip: open + FREE } }, status: 429 },
    {
      title: "of the backends",
      limits: { backends: echoes.map((echo) => openAt(echo) + FREE / 2) },
      status: 503,
    },
  ]
  for (const { title, limits, status } of cases) {
    await soaked.limit(limits)
    const clients = await openAll(() => attempt(bind), FREE)
    t.equal(clients.length, FREE, `all places ${title} are free`)
    t.equal((await attempt(bind)).status, status, `there are no more places ${title}`)
    await Promise.all(clients.map((client) => client.close()))
  }
  await soaked.limit({ listener: { max_pending: FREE } })
  const waiting = await Promise.all(Array.from({ length: FREE }, () => RawPeer.connect(bind)))
  for (const client of waiting) client.write(upgradeHead({}, "GET /silent HTTP/1.1"))
  await silent.peer(FREE - 1)
  t.equal((await attempt(bind)).status, 503, "there are no more pending places than max_pending")
  for (const { socket } of waiting) socket.destroy()
  while (openAt(silent) > 0) await setTimeout(PAUSE_MS)
}

/** The drain begins during a reload, and SIGHUPs come during the drain. */
async function checkDrain(t: Test, soaked: SoakedRws, tunnels: EchoLoad[]): Promise<void> {
  const { program, log } = soaked
  soaked.startReloads()
  program.signal("SIGHUP").signal("SIGTERM")
  await log.untilNext(({ msg }) => msg === "SIGHUP ignored: rws is draining")
  t.equal(await removeBroken(t, tunnels), 0, "all tunnels stay open during the drain")
  await soaked.stopReloads()
  await Promise.all(tunnels.map((one) => one.stop()))
  for (const { peer } of tunnels) peer.socket.end()
  t.strictSame(await program.untilExit(), { code: 0, signal: null }, "rws ends with the last tunnel")
}

async function checkLog(t: Test, { program, log }: SoakedRws): Promise<void> {
  await log.read()
  const others = log.lines.filter(
    ({ level, msg }) => Number(level) > INFO && !EXPECTED.some((expected) => expected.test(String(msg))),
  )
  t.strictSame(others, [], "there is no warning or error without a cause")
  t.match(program.stderr, /^(the log can't be written: ENOSPC[^\n]*\n)+$/)
}

const INFO = 30
