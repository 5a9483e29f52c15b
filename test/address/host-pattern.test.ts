import t from "tap"
import { hostName, parseHostPattern } from "../../lib/address/host-pattern.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { between, oneOf, seededRandom, textOf } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

const matching: { pattern: string; hosts: string[]; others: string[] }[] = [
  {
    pattern: "chat.example",
    hosts: ["chat.example", "CHAT.Example", "chat.example:8080", "chat.example.", "chat.example.:80"],
    others: [
      "a.chat.example",
      "chat.example.com",
      "xchat.example",
      "chat_example",
      "chat.exampl",
      "chat.example..",
    ],
  },
  { pattern: "Chat.EXAMPLE.", hosts: ["chat.example", "chat.example."], others: ["chat"] },
  {
    pattern: "*.chat.example",
    hosts: ["a.chat.example", "A.B.Chat.Example:1", "a.chat.example.", "-.chat.example"],
    others: ["chat.example", ".chat.example", "achat.example", "a.chat.example.com", "*", "chat.example:80"],
  },
  { pattern: "*.example", hosts: ["chat.example", "a.b.example"], others: ["example", "example."] },
  { pattern: "127.0.0.1", hosts: ["127.0.0.1", "127.0.0.1:80"], others: ["127.0.0.10", "[::1]"] },
  { pattern: "localhost", hosts: ["LOCALHOST:9"], others: ["localhost.localdomain"] },
  { pattern: "a_b-1", hosts: ["a_b-1"], others: ["a-b-1"] },
  {
    pattern: "[2001:DB8::1]",
    hosts: ["[2001:db8::1]", "[2001:db8::1]:80", "[2001:0db8:0:0::1]", "[2001:db8::0.0.0.1]"],
    others: ["[2001:db8::2]", "[::1]", "2001"],
  },
  { pattern: "[2001:db8:0:0:0:0:0:1]", hosts: ["[2001:db8::1]"], others: ["[2001:db8::1:1]"] },
]

for (const { pattern, hosts, others } of matching) {
  const isMeant = parseHostPattern(pattern)
  for (const host of hosts) {
    t.test(`${pattern} matches the host ${host}`, async (t) => {
      t.equal(isMeant(hostName(host)), true)
    })
  }
  for (const host of others) {
    t.test(`${pattern} does not match the host ${host}`, async (t) => {
      t.equal(isMeant(hostName(host)), false)
    })
  }
}

for (const text of [
  "",
  "*",
  "*.",
  ".",
  "..",
  ".example",
  "a..example",
  "example..",
  "**.example",
  "*.*.example",
  "a.*.example",
  "*example",
  "a*.example",
  "*.[::1]",
  "[::1",
  "::1",
  "[]",
  "[::g]",
  "[::1]:80",
  "chat.example:80",
  "http://chat.example",
  "chat.example/",
  "chat example",
  " chat.example",
  "chat.example\n",
  "b\xfccher.example",
  "%61.example",
]) {
  t.test(
    `${JSON.stringify(text)} is refused as a host pattern, and the error says what is expected`,
    async (t) => {
      const error = thrownBy(() => parseHostPattern(text))
      t.type(error, SettingError)
      t.match(error, { message: `"${text}" is not a host: expected a name, *.name or [v6]` })
    },
  )
}

t.test("pattern errors have a class of their own", async (t) => {
  t.match(
    thrownBy(() => parseHostPattern("")),
    { name: "SettingError" },
  )
})

t.test("a wildcard matches exactly the names with more labels before it", async (t) => {
  const random = seededRandom(952)
  for (let round = 0; round < 2000; round++) {
    const label = () => textOf(random, "aB1-_", 1, 3)
    const labels = Array.from({ length: between(random, 1, 4) }, label)
    const front = Array.from({ length: between(random, 0, 3) }, label)
    const host = [...front, ...labels].join(".") + oneOf(random, ["", "."]) + oneOf(random, ["", ":80"])
    const isMeant = parseHostPattern(`*.${labels.join(".").toUpperCase()}`)
    if (isMeant(hostName(host)) === front.length > 0) continue
    t.equal(host, labels.join("."), `round ${round}`)
    return
  }
  t.pass("every one")
})
