import { once } from "node:events"
import { writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import t, { type Test } from "tap"
import { deadAddress } from "../../support/peers/backend.js"
import { runRws, temporaryFolder } from "../../support/program/program.js"

/** An address in use. */
async function takenAddress(t: Test): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => server.close())
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  return `127.0.0.1:${bound.port}`
}

const FAILURES = [
  ["an address that is taken", takenAddress, "already in use"],
  ["an address of another machine", async () => "192.0.2.1:8080", "no such address"],
  ["a Unix socket in a folder that is not there", async () => "unix:/nowhere/at/all/rws.sock", "folder"],
  ["a host name that nobody knows", async () => "nowhere.invalid:8080", "unknown"],
] as const

for (const [what, addressFor, reason] of FAILURES) {
  t.test(`rws on ${what} exits with code 1 and prints address and reason`, async (t) => {
    const address = await addressFor(t)
    const { code, stdout, stderr } = await runRws(t, ["--bind", address, "--backend", "127.0.0.1:9"])
    t.equal(code, 1)
    t.match(stderr, `cannot listen on ${address}: `)
    t.match(stderr, reason)
    t.equal(stderr.trimEnd().split("\n").length, 1, "one line, no stack trace")
    t.equal(stdout, "", "no listener was reported as started")
  })

  t.test(`rws echo on ${what} exits with code 1 and prints address and reason`, async (t) => {
    const address = await addressFor(t)
    const { code, stdout, stderr } = await runRws(t, ["echo", "--bind", address])
    t.equal(code, 1)
    t.match(stderr, `cannot listen on ${address}: `)
    t.equal(stderr.trimEnd().split("\n").length, 1, "one line, no stack trace")
    t.equal(stdout, "")
  })
}

t.test("every listener that fails to start is reported, and none is left running", async (t) => {
  const cwd = await temporaryFolder(t)
  const taken = [await takenAddress(t), await takenAddress(t)] as const
  const socket = join(cwd, "good.sock")
  const listeners = [taken[0], await deadAddress(), `unix:${socket}`, taken[1]]
  await writeFile(
    join(cwd, "rws.config.toml"),
    listeners.map((bind) => `[[ws_proxy]]\nbind = "${bind}"\nbackends = ["127.0.0.1:9"]\n`).join("\n"),
  )
  const { code, stdout, stderr } = await runRws(t, [], { cwd })
  t.equal(code, 1)
  t.strictSame(
    stderr.trimEnd().split("\n"),
    taken.map((address) => `cannot listen on ${address}: it is already in use`),
  )
  t.equal(stdout, "")
})
