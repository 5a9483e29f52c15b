import t from "tap"
import { LocalAddresses } from "../../lib/net/local-addresses.js"

const pair = (host: string, localAddress?: string) => ({ host, ...(localAddress && { localAddress }) })

const CASES: { title: string; from: string[]; hosts: string[]; turns: object[][] }[] = [
  {
    title: "local addresses take turns, and all are tried",
    from: ["127.0.0.2", "127.0.0.3"],
    hosts: ["192.0.2.1"],
    turns: [
      [pair("192.0.2.1", "127.0.0.2"), pair("192.0.2.1", "127.0.0.3")],
      [pair("192.0.2.1", "127.0.0.3"), pair("192.0.2.1", "127.0.0.2")],
      [pair("192.0.2.1", "127.0.0.2"), pair("192.0.2.1", "127.0.0.3")],
    ],
  },
  {
    title: "a backend is dialled from addresses of its family",
    from: ["127.0.0.2", "::1"],
    hosts: ["2001:db8::1", "192.0.2.1"],
    turns: [[pair("2001:db8::1", "::1"), pair("192.0.2.1", "127.0.0.2")]],
  },
  {
    title: "without an address of the family the system chooses",
    from: ["127.0.0.2"],
    hosts: ["::1"],
    turns: [[pair("::1")], [pair("::1")]],
  },
]

for (const { title, from, hosts, turns } of CASES) {
  t.test(title, async (t) => {
    const addresses = new LocalAddresses(from)
    t.same(
      turns.map(() => addresses.routesTo(hosts)),
      turns,
    )
  })
}
