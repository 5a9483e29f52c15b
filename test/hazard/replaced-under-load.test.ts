/** `rws --replace` under load: no client is refused while one rws takes the place of another. */
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import t, { type Test } from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { deadAddress, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { NEWER_NODE, noNewerNode } from "../support/program/newer-node.js"
import {
  logOf,
  Program,
  RWS,
  temporaryFolder,
  untilLogged,
  untilServing,
} from "../support/program/program.js"

const ENDED = { code: 0, signal: null }

interface Place {
  readonly bind: string
  readonly pidFile: string
  start(...flags: readonly string[]): Program
}

/** Where several rws listen in turn. */
async function placeFor(t: Test): Promise<Place> {
  const backend = await startEchoBackend(t)
  const folder = await temporaryFolder(t)
  const [config, pidFile] = [join(folder, "rws.toml"), join(folder, "rws.pid")]
  const address = await deadAddress()
  await writeFile(
    config,
    `pid_file = "${pidFile}"
    [[ws_proxy]]
    bind = "${address}"
    reuse_port = true
    backends = ["${backend.address}"]`,
  )
  const start = (...flags: readonly string[]) =>
    Program.start(t, NEWER_NODE ?? "", [RWS, "--config", config, ...flags])
  return { bind: address, pidFile, start }
}

const REPLACED = "replaced a running rws, which drains now"

const REPLACEMENTS = fileURLToPath(new URL("../support/program/replacements.js", import.meta.url))

const ENV = { RWS_TEST_NODE: NEWER_NODE ?? "", TAP_TIMEOUT: process.env.TAP_TIMEOUT ?? "100" }

/** Runs in a network namespace of its own, whose kernel passes queued connections on to the other socket. */
const MIGRATING = `ip link set lo up && echo 1 > /proc/sys/net/ipv4/tcp_migrate_req && exec "$@"`
const IN_NAMESPACE = ["--user", "--map-root-user", "--net", "sh", "-c", MIGRATING, "sh"]

const unshare = Program.start(t, "unshare", [...IN_NAMESPACE, "true"])
const { code } = await unshare.untilExit()
const noNamespace =
  noNewerNode || (code !== 0 && "no network namespace with tcp_migrate_req is permitted here")

t.test("replacements of an rws on a TCP address refuse no client", { skip: noNamespace }, async (t) => {
  const args = [...IN_NAMESPACE, process.execPath, REPLACEMENTS, "tcp", "3"]
  const run = Program.start(t, "unshare", args, { env: ENV })
  t.strictSame(await run.untilExit(), ENDED)
  t.comment(run.output)
})

t.test("replacements of an rws on a Unix socket refuse no client", { skip: noNewerNode }, async (t) => {
  const args = [REPLACEMENTS, `unix:${join(await temporaryFolder(t), "rws.sock")}`, "3"]
  const run = Program.start(t, process.execPath, args, { env: ENV })
  t.strictSame(await run.untilExit(), ENDED)
  t.comment(run.output)
})

t.test("tunnels of the replaced rws go on, and it exits when they end", { skip: noNewerNode }, async (t) => {
  const place = await placeFor(t)
  const { rws } = await untilServing(place.start())
  const client = await RawPeer.connect(place.bind)
  await client.write(upgradeHead()).untilText("\r\n\r\n")
  const { rws: next } = await untilServing(place.start("--replace"))
  t.match(await untilLogged(rws, ({ msg }) => /^draining/.test(String(msg))), { signal: "SIGUSR2" })
  await client.write("still here").untilText("\r\n\r\nstill here")
  t.equal(rws.exit, undefined)
  client.socket.end()
  t.strictSame(await rws.untilExit(), ENDED)
  t.equal(await readFile(place.pidFile, "utf8"), `${next.pid}\n`)
})

t.test("of two that replace one rws at the same time, one is left", { skip: noNewerNode }, async (t) => {
  const place = await placeFor(t)
  const { rws } = await untilServing(place.start())
  const both = [place.start("--replace"), place.start("--replace")]
  await Promise.all(both.map((next) => untilLogged(next, ({ msg }) => msg === REPLACED)))
  t.strictSame(await rws.untilExit(), ENDED)
  await Promise.race(both.map((next) => next.untilExit()))
  const [left, ...others] = both.filter(({ exit }) => exit === undefined)
  t.strictSame(others, [])
  t.equal(await readFile(place.pidFile, "utf8"), `${left?.pid}\n`)
  const replaced = both.flatMap((next) => logOf(next).filter(({ msg }) => msg === REPLACED))
  t.equal(replaced.length, 2, "each was told to drain once, and only by its successor")
})

t.test("a replacement that can't start leaves the running rws alone", { skip: noNewerNode }, async (t) => {
  const place = await placeFor(t)
  const { rws } = await untilServing(place.start())
  const flags = ["--bind", place.bind, "--backend", "127.0.0.1:9", "--pid-file", place.pidFile, "--replace"]
  const next = Program.start(t, NEWER_NODE ?? "", [RWS, ...flags])
  t.strictSame(await next.untilExit(), { code: 1, signal: null })
  t.match(next.stderr, /it is already in use\n.*both need reuse_port = true/)
  t.equal(await readFile(place.pidFile, "utf8"), `${rws.pid}\n`)
  t.equal((await openEcho(place.bind)).text.endsWith("hello"), true)
})

async function openEcho(address: string): Promise<RawPeer> {
  const client = await RawPeer.connect(address)
  await client.write(upgradeHead()).untilText("\r\n\r\n")
  await client.write("hello").untilText("\r\n\r\nhello")
  client.socket.end()
  return client.untilClosed()
}
