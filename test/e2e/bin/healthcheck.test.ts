import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t from "tap"
import { deadAddress, startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { socketFolder } from "../../support/peers/socket-folder.js"
import { CommandLines } from "../../support/program/command-lines.js"
import { holdSocket } from "../../support/program/held-socket.js"
import {
  logOf,
  serveFile,
  serveRws,
  startRws,
  temporaryFolder,
  untilServing,
} from "../../support/program/program.js"

const commandLines = CommandLines.start(t)
const HEALTHY = { code: 0, stdout: "", stderr: "" }
const flagsFor = (address: string) => ["healthcheck", "--bind", address, "--backend", "127.0.0.1:9"]

t.test("a serving rws is healthy, and its log has no line for the check", async (t) => {
  const { rws, address } = await serveRws(t, ["127.0.0.1:9"])
  t.strictSame(await commandLines.run(flagsFor(address)), HEALTHY)
  rws.signal("SIGTERM")
  await rws.untilExit()
  t.strictSame(
    logOf(rws).map(({ msg }) => msg),
    ["listening", "draining; a second signal closes at once", "stopped"],
  )
})

t.test("without a file the address is enough", async (t) => {
  const { address } = await serveRws(t, ["127.0.0.1:9"])
  t.strictSame(await commandLines.run(["healthcheck", "--bind", address]), HEALTHY)
  t.match(await commandLines.run(["healthcheck", "--bind", "nowhere"]), { code: 2, stderr: /--bind/ })
})

t.test("the check reads the same file as the proxy, and takes all listeners", async (t) => {
  const folder = await temporaryFolder(t)
  const path = join(socketFolder(t), "front.sock")
  const port = await deadAddress()
  const toml = [port, `unix:${path}`]
    .map(
      (bind) =>
        `[[ws_proxy]]\nbind = "${bind}"\nbackends = ["127.0.0.1:9"]\naccept_proxy_protocol = true\n` +
        'trusted_proxies = ["127.0.0.1", "unix"]\n',
    )
    .join("")
  const file = join(folder, "rws.config.toml")
  await writeFile(file, toml)
  await serveFile(t, toml)
  for (const args of [
    ["healthcheck", file],
    ["healthcheck", "--config", file],
  ]) {
    t.strictSame(await commandLines.run(args), HEALTHY)
  }
  t.strictSame(await commandLines.run(["healthcheck"], { env: { RWS_CONFIG_FILE: file } }), HEALTHY)
})

for (const [wildcard, loopback] of [
  ["0.0.0.0", "127.0.0.1"],
  ["[::]", "[::1]"],
] as const) {
  t.test(`a listener on ${wildcard} is checked at ${loopback}`, async (t) => {
    const rws = startRws(t, ["--bind", `${loopback}:0`, "--backend", "127.0.0.1:9"])
    const { address } = await untilServing(rws)
    t.strictSame(await commandLines.run(flagsFor(address.replace(loopback, wildcard))), HEALTHY)
  })
}

t.test("a full rws is healthy", async (t) => {
  const backend = await startEchoBackend(t)
  const { address } = await serveRws(t, [backend.address], ["--max-connections", "1"])
  const client = await RawPeer.connect(address)
  t.teardown(() => client.socket.destroy())
  t.strictSame(await commandLines.run(flagsFor(address)), HEALTHY)
})

t.test("an rws that does not run is unhealthy", async (t) => {
  const address = await deadAddress()
  const outcome = await commandLines.run([...flagsFor(address), "--name", "chat"])
  t.strictSame(outcome, {
    code: 1,
    stdout: "",
    stderr: `chat on ${address}: connect ECONNREFUSED ${address}\n`,
  })
})

t.test("an rws that hangs is unhealthy, although the system accepts its clients", async (t) => {
  const { rws, address } = await serveRws(t, ["127.0.0.1:9"])
  rws.signal("SIGSTOP")
  const { code, stderr } = await commandLines.run([...flagsFor(address), "--timeout-ms", "50"])
  t.equal(code, 1)
  t.equal(stderr, `${address}: no response within 50 ms\n`)
})

t.test("a socket that waits for rws to be started is unhealthy", async (t) => {
  const { address } = await holdSocket(t)
  const { code, stderr } = await commandLines.run([...flagsFor(address), "--timeout-ms", "50"])
  t.equal(code, 1)
  t.equal(stderr, `${address}: no response within 50 ms\n`)
})

t.test("port 0 cannot be checked", async (t) => {
  const { code, stderr } = await commandLines.run(flagsFor("127.0.0.1:0"))
  t.equal(code, 1)
  t.equal(stderr, "127.0.0.1:0: it binds port 0, so its port is not known\n")
})

for (const given of ["0", "soon"]) {
  t.test(`--timeout-ms ${given} is a usage error`, async (t) => {
    const { code, stderr } = await commandLines.run([...flagsFor("127.0.0.1:1"), "--timeout-ms", given])
    t.equal(code, 2)
    t.match(stderr, "--timeout-ms: expected milliseconds, at least 1")
  })
}

t.test("the program ends as its command line does", async (t) => {
  const address = await deadAddress()
  const rws = startRws(t, flagsFor(address))
  t.strictSame(await rws.untilExit(), { code: 1, signal: null })
})
