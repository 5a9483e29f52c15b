/** No name, spelling or later change of a name leads a dial to an address that is not permitted. */
import { once } from "node:events"
import { createServer } from "node:net"
import t, { type Test } from "tap"
import type { Address } from "../../lib/address/address.js"
import { parseDestinations } from "../../lib/address/destinations.js"
import { SessionEnd } from "../../lib/close-reason.js"
import { dial } from "../../lib/net/dial-from.js"
import { LocalAddresses } from "../../lib/net/local-addresses.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { nameOf } from "../support/pool/names.js"

const PUBLIC_ONLY = parseDestinations([])

interface CountedServer {
  readonly port: number
  connections(): number
}

/** A server on this machine that counts its connections. */
async function startCounted(t: Test, host = "127.0.0.1", port = 0): Promise<CountedServer> {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  })
  server.listen(port, host)
  await once(server, "listening")
  t.teardown(() => server.close())
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  return { port: bound.port, connections: () => connections }
}

async function endOf(
  address: Address,
  permits = PUBLIC_ONLY,
  from?: LocalAddresses,
): Promise<SessionEnd | undefined> {
  try {
    const connection = await dial(address, from, { connectTimeoutMs: 5000, permits }).connected
    connection.socket.destroy()
    return undefined
  } catch (error) {
    return error instanceof SessionEnd ? error : new SessionEnd("internal_error", "", error)
  }
}

/**
 * Hosts that all lead to this machine. To Node the first ones are names, which the system's resolver reads.
 */
const HOSTS: readonly string[] = [
  ...["127.1", "127.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "localhost", "localhost.", "LOCALHOST"],
  ...["127.0.0.1", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:0:0:1", "0.0.0.0", "::", "0"],
]

for (const host of HOSTS) {
  t.test(`${host} is not dialled without allow_destinations`, async (t) => {
    const { port, connections } = await startCounted(t)
    const end = await endOf({ kind: "tcp", host, port })
    t.equal(end?.reason, "destination_refused")
    t.equal(end?.detail, "", "the client learns nothing")
    const from = new LocalAddresses(["127.0.0.1", "::1"])
    t.equal((await endOf({ kind: "tcp", host, port }, PUBLIC_ONLY, from))?.reason, "destination_refused")
    t.equal(connections(), 0)
  })
}

const FORBIDDEN: readonly (readonly string[])[] = [
  ["127.0.0.1"],
  ["10.0.0.1"],
  ["169.254.169.254"],
  ["::ffff:127.0.0.1"],
  ["fd00:ec2::254", "169.254.169.254"],
  ["::1", "127.0.0.1"],
]

for (const addresses of FORBIDDEN) {
  t.test(`a name that resolves to ${addresses.join(" and ")} is not dialled`, async (t) => {
    const { port, connections } = await startCounted(t)
    const end = await endOf({ kind: "tcp", host: nameOf(...addresses), port })
    t.equal(end?.reason, "destination_refused")
    t.match(end?.cause, { message: new RegExp(addresses[0] ?? "") }, "the log has the addresses")
    t.notMatch(end?.message, addresses[0] ?? "", "the client has not")
    t.equal(connections(), 0)
  })
}

t.test("of a name with several addresses only the permitted ones are dialled", async (t) => {
  const { port, connections } = await startCounted(t)
  const permitted = await startCounted(t, "127.0.0.2", port)
  const permits = parseDestinations(["127.0.0.2"])
  const address: Address = { kind: "tcp", host: nameOf("127.0.0.1", "127.0.0.2", "::1"), port }
  t.equal(await endOf(address, permits), undefined)
  t.equal(await endOf(address, permits, new LocalAddresses(["127.0.0.1"])), undefined)
  t.equal(permitted.connections(), 2)
  t.equal(connections(), 0)
})

t.test("a Unix socket is never dialled by what is not the configuration", async (t) => {
  const path = `${socketFolder(t)}/forbidden.sock`
  t.equal((await endOf({ kind: "unix", path }, () => true))?.reason, "destination_refused")
})

t.test("a name that is listed is dialled wherever it leads", async (t) => {
  const { port, connections } = await startCounted(t)
  t.equal(await endOf({ kind: "tcp", host: "localhost", port }, parseDestinations(["localhost"])), undefined)
  t.equal(await endOf({ kind: "tcp", host: "127.0.0.1", port }, parseDestinations(["127.0.0.1"])), undefined)
  t.equal(connections(), 2)
})
