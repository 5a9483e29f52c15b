import { readFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { logOf, type Program, serveRws, startRws, temporaryFolder } from "../../support/program/program.js"

/** An rws whose log may not be JSON, on a free port. */
async function serveAs(t: Test, flags: readonly string[]): Promise<{ rws: Program; address: string }> {
  const backend = await startEchoBackend(t)
  const listener = ["--name", "chat", "--bind", "127.0.0.1:0", "--backend", backend.address]
  const rws = startRws(t, [...listener, ...flags])
  const [, address = ""] = await rws.untilOutput(/"bind":"([^"]+)"/)
  return { rws, address }
}

async function openAndClose(address: string, fields = {}, target = "/chat"): Promise<void> {
  const client = await RawPeer.connect(address)
  await client.write(upgradeHead(fields, `GET ${target} HTTP/1.1`)).untilText("\r\n\r\n")
  client.socket.end()
  await client.untilClosed()
}

const FIELDS = { Origin: "https://app.example", "User-Agent": 'a "quoted" agent' }
const COMBINED =
  /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/chat HTTP\/1\.1" 101 - "https:\/\/app\.example" "a \\"quoted\\" agent" client_fin\n$/

t.test("with --log-format combined output has nothing but sessions", async (t) => {
  const { rws, address } = await serveAs(t, ["--log-format", "combined", "--log-open"])
  await openAndClose(address, FIELDS, "/chat?token=secret")
  rws.signal("SIGTERM")
  t.strictSame(await rws.untilExit(), { code: 0, signal: null })
  t.match(rws.stdout, COMBINED)
  t.match(rws.stderr, /listening[\s\S]* open\n[\s\S]*stopped/)
  t.notMatch(rws.output, "secret")
})

t.test("with a file the sessions go there, and everything else to standard error", async (t) => {
  const file = join(await temporaryFolder(t), "access.log")
  const { rws, address } = await serveAs(t, ["--log-format=combined", "--log-file", file])
  await openAndClose(address, FIELDS)
  rws.signal("SIGTERM")
  await rws.untilExit()
  t.match(await readFile(file, "utf8"), COMBINED)
  t.equal(rws.stdout, "")
  t.match(rws.stderr, "stopped")
})

t.test("with --log-format pretty a session is one short line, also where there is no terminal", async (t) => {
  const { rws, address } = await serveAs(t, ["--log-format", "pretty"])
  await openAndClose(address)
  const [line] = await rws.untilOutput(/^.*client_fin.*\n/m)
  t.match(
    line,
    /^\[\d\d:\d\d:\d\d\.\d{3}\] chat 127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+ \/chat 101 client_fin [\d.]+ ms, 0 B in, 0 B out\n$/,
  )
})

t.test("at trace each stage has a line, and no line has a secret", async (t) => {
  const backend = await startEchoBackend(t, { "Set-Cookie": "a=secret" })
  const flags = ["--log-level", "trace", "--log-sample", "1000000"]
  const { rws, address } = await serveRws(t, [backend.address], flags)
  await openAndClose(address, { Cookie: "a=secret", Authorization: "Basic secret" }, "/chat?token=secret")
  rws.signal("SIGTERM")
  await rws.untilExit()
  const steps = logOf(rws).filter(({ client }) => client !== undefined)
  t.strictSame(
    steps.map(({ level, msg }) => [level, msg]),
    [
      [20, "awaiting the request head"],
      [10, "request head received"],
      [20, "route found"],
      [20, "dialling"],
      [20, "backend connected"],
      [10, "request head for the backend"],
      [10, "response head received"],
      [20, "backend responded"],
      [10, "response head for the client"],
      [20, "session opened"],
      [20, "half-closed by the client"],
      [20, "half-closed by the backend"],
    ],
  )
  t.match(steps[3], { address: backend.address, backend: backend.address })
  t.match(steps[1]?.head, ["GET /chat?token=[redacted] HTTP/1.1", "Host: chat.example"])
  t.notMatch(rws.output, "secret")
})
