import t from "tap"
import { clientKey } from "../../lib/limits/client-key.js"

const cases: { one: string; other: string; same: boolean }[] = [
  { one: "192.0.2.1", other: "192.0.2.1", same: true },
  { one: "192.0.2.1", other: "192.0.2.2", same: false },
  { one: "2001:db8::1", other: "2001:db8::2", same: true },
  { one: "2001:db8::", other: "2001:db8::ffff:ffff:ffff:ffff", same: true },
  { one: "2001:db8:0:1::1", other: "2001:db8:0:2::1", same: false },
  { one: "2001:db8:0:1::1", other: "2001:db8:0:1:2:3:4:5", same: true },
  { one: "::1", other: "1::", same: false },
]

for (const { one, other, same } of cases) {
  t.test(`${one} and ${other} are ${same ? "one client" : "two clients"}`, async (t) => {
    if (same) t.same(clientKey(one), clientKey(other))
    else t.notSame(clientKey(one), clientKey(other))
  })
}
