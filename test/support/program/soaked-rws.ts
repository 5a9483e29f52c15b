/**
 * An rws for long runs with all that is around it: backends, a configuration that is never the same twice, a
 * log in a file, and a pid file on a full disk.
 */
import { once } from "node:events"
import { renameSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { createServer } from "node:tls"
import type { Test } from "tap"
import { deadAddress, type RawBackend, startBackend } from "../peers/backend.js"
import { echoForgetfully } from "../peers/echo-load.js"
import { RawPeer } from "../peers/raw-peer.js"
import { makeTestCa, type TestCa } from "../peers/test-ca.js"
import { LogTail } from "./log-tail.js"
import { Program, RWS, temporaryFolder } from "./program.js"

const RELOAD_MS = 100
/** As good as no limit, but counted. */
const MANY = 5000
export const FULL_DISK = "/dev/full"

/** Makes worker thread 1 throw when the process gets SIGWINCH. */
const MORTAL_WORKER = `
  import { isMainThread, workerData } from "node:worker_threads"
  const channel = new BroadcastChannel("crash")
  channel.unref()
  if (isMainThread) process.on("SIGWINCH", () => channel.postMessage(1))
  else channel.onmessage = ({ data }) => {
    if (data === workerData.worker) throw new Error("a test has crashed this worker thread")
  }`

/** What a configuration limits apart from `MANY`. */
export interface Limits {
  /** Keys of the listener that is always there. */
  readonly listener?: Readonly<Record<string, number>>
  /** `max_connections` of each echo backend. */
  readonly backends?: readonly number[]
}

interface Site {
  readonly workers: number
  readonly pidFile: string
  readonly logFile: string
  /**
   * The listener that is always there: /silent goes to `silent`, /tls to `tlsEcho`, all else to the echoes.
   */
  readonly bind: string
  /** The listener that every second reload removes. */
  readonly extra: string
  readonly echoes: readonly RawBackend[]
  readonly silent: RawBackend
  readonly tlsEcho: TlsEcho
  readonly ca: TestCa
}

export class SoakedRws {
  /** Reloads that were asked for. */
  reloads = 0
  /** What is written into the file in place of a configuration. */
  garbage: string | undefined
  #isReloading = false
  #rhythm: Promise<void> | undefined

  private constructor(
    readonly site: Site,
    readonly program: Program,
    readonly log: LogTail,
    private readonly configFile: string,
  ) {}

  /** Resolves when both listeners listen. */
  static async start(t: Test, node: string, workers: number): Promise<SoakedRws> {
    const folder = await temporaryFolder(t)
    const ca = makeTestCa(t)
    const site: Site = {
      workers,
      pidFile: join(folder, "rws.pid"),
      logFile: join(folder, "rws.log"),
      bind: await deadAddress(),
      extra: await deadAddress(),
      echoes: [await startBackend(t, echoForgetfully), await startBackend(t, echoForgetfully)],
      silent: await startBackend(t),
      tlsEcho: await startTlsEcho(t, ca),
      ca,
    }
    const configFile = join(folder, "rws.toml")
    writeFileSync(configFile, configOf(site, 0))
    const log = await LogTail.open(t, `${site.logFile}.kept`)
    symlinkSync(`${site.logFile}.kept`, site.logFile)
    // rws gets the process id of the shell, which is in the name that a pid file has while it is written.
    const command = `ln -s ${FULL_DISK} ${site.pidFile}.$$ && exec "$0" "$@"`
    const program = Program.start(t, "sh", ["-c", command, node, RWS, "--config", configFile], {
      env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(MORTAL_WORKER)}` },
    })
    await log.until(({ msg, bind }) => msg === "listening" && bind === site.extra)
    const soaked = new SoakedRws(site, program, log, configFile)
    t.teardown(() => soaked.stopReloads())
    return soaked
  }

  /** Begins to reload every 100 ms, with a new configuration each time. */
  startReloads(): void {
    this.#isReloading = true
    this.#rhythm = this.#reloadSteadily()
  }

  async stopReloads(): Promise<void> {
    this.#isReloading = false
    await this.#rhythm
  }

  /** Reloads once. Resolves when these limits apply. */
  async limit(limits: Limits): Promise<void> {
    const turn = this.#reload(limits)
    await this.log.until(({ msg }) =>
      String(msg).includes(`idle_timeout_ms ${idleMs(turn - 1)} -> ${idleMs(turn)}`),
    )
  }

  /** With `workers`, one of them ends by an error that nobody catches. */
  killWorker(): void {
    this.program.signal("SIGWINCH")
  }

  /** Writes the log to another file from now on. */
  moveLog(to = `${this.site.logFile}.kept`): void {
    symlinkSync(to, `${this.site.logFile}.new`)
    renameSync(`${this.site.logFile}.new`, this.site.logFile)
    this.program.signal("SIGUSR1")
  }

  async #reloadSteadily(): Promise<void> {
    while (this.#isReloading) {
      this.#reload()
      await setTimeout(RELOAD_MS)
    }
  }

  #reload(limits: Limits = {}): number {
    const turn = ++this.reloads
    writeFileSync(`${this.configFile}.new`, this.garbage ?? configOf(this.site, turn, limits))
    renameSync(`${this.configFile}.new`, this.configFile)
    this.program.signal("SIGHUP")
    return turn
  }
}

const idleMs = (turn: number) => 600_000 + turn

function configOf(site: Site, turn: number, { listener = {}, backends = [MANY, MANY] }: Limits = {}): string {
  const limits = { max_connections: MANY, max_connections_per_ip: MANY, max_pending: MANY, ...listener }
  const echoes = site.echoes.map(
    ({ address }, index) =>
      `{ address = "${address}", weight = ${1 + ((turn + index) % 3)}, max_connections = ${backends[index]} }`,
  )
  return `
    workers = ${site.workers}
    pid_file = "${site.pidFile}"
    log.file = "${site.logFile}"
    [[ws_proxy]]
    name = "soaked"
    bind = "${site.bind}"
    pool = "echo"
    idle_timeout_ms = ${idleMs(turn)}
    drain_timeout_ms = 600000
    ${Object.entries(limits)
      .map((limit) => limit.join(" = "))
      .join("\n")}
    [[ws_proxy.route]]
    path = "/tls"
    pool = "tls"
    [[ws_proxy.route]]
    path = "/silent"
    backends = ["${site.silent.address}"]
    [[ws_proxy.route]]
    path = "/turn/${turn}"
    pool = "echo"
    ${turn % 2 === 0 ? extraOf(site) : ""}
    [pool.echo]
    backends = [${echoes}]
    [pool.tls]
    backends = ["wss://${site.tlsEcho.address}"]
    tls.ca = "${site.ca.certFile}"`
}

function extraOf({ extra }: Site): string {
  return `
    [[ws_proxy]]
    bind = "${extra}"
    pool = "echo"
    drain_timeout_ms = 600000`
}

type TlsEcho = Pick<RawBackend, "address" | "peers">

async function startTlsEcho(t: Test, ca: TestCa): Promise<TlsEcho> {
  const { cert, key } = ca.issue("IP:127.0.0.1")
  const peers: RawPeer[] = []
  const server = createServer({ cert, key, allowHalfOpen: true }, (socket) => {
    const peer = new RawPeer(socket)
    peers.push(peer)
    echoForgetfully(peer)
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => {
    server.close()
    for (const { socket } of peers) socket.destroy()
  })
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  return { address: `127.0.0.1:${bound.port}`, peers }
}
