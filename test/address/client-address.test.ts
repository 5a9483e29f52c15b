import t from "tap"
import { formatClientAddress, toClientAddress } from "../../lib/address/client-address.js"

const cases: { ip: string | undefined; port: number | undefined; written: string }[] = [
  { ip: "192.0.2.1", port: 4711, written: "192.0.2.1:4711" },
  { ip: "::ffff:192.0.2.1", port: 4711, written: "192.0.2.1:4711" },
  { ip: "2001:DB8::1", port: 4711, written: "[2001:db8::1]:4711" },
  { ip: "fe80::1%eth0", port: 4711, written: "[fe80::1]:4711" },
  { ip: "192.0.2.1", port: undefined, written: "192.0.2.1" },
  { ip: "2001:db8::1", port: 0, written: "2001:db8::1" },
  { ip: undefined, port: undefined, written: "unix" },
]

for (const { ip, port, written } of cases) {
  t.test(`a client at ${ip} with port ${port} is formatted as ${written}`, async (t) => {
    t.equal(formatClientAddress(toClientAddress(ip, port)), written)
  })
}

t.test("an address that a socket does not report is unknown", async (t) => {
  t.same(toClientAddress(undefined, undefined), { ip: "", port: 0 })
})
