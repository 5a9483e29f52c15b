import { isIPv6 } from "node:net"
import t from "tap"
import { bytesOfIp, canonicalIp, ipv6BytesOfIp, textOfIp } from "../../lib/address/ip.js"
import { between, oneOf, type Random, seededRandom } from "../support/project/random.js"

const canonical: { text: string; ip: string }[] = [
  { text: "192.0.2.1", ip: "192.0.2.1" },
  { text: "0.0.0.0", ip: "0.0.0.0" },
  { text: "::ffff:192.0.2.1", ip: "192.0.2.1" },
  { text: "::FFFF:192.0.2.1", ip: "192.0.2.1" },
  { text: "::ffff:c000:201", ip: "192.0.2.1" },
  { text: "0:0:0:0:0:ffff:192.0.2.1", ip: "192.0.2.1" },
  { text: "::ffff:192.0.2.1%eth0", ip: "192.0.2.1" },
  { text: "::", ip: "::" },
  { text: "::1", ip: "::1" },
  { text: "0:0:0:0:0:0:0:1", ip: "::1" },
  { text: "1::", ip: "1::" },
  { text: "2001:DB8::00aB", ip: "2001:db8::ab" },
  { text: "2001:db8:0:1:1:1:1:1", ip: "2001:db8:0:1:1:1:1:1" },
  { text: "2001:db8::1:1:1:1:1", ip: "2001:db8:0:1:1:1:1:1" },
  { text: "1:2:3:4:5:6:7::", ip: "1:2:3:4:5:6:7:0" },
  { text: "2001:0:0:1:0:0:0:1", ip: "2001:0:0:1::1" },
  { text: "2001:db8:0:0:1:0:0:1", ip: "2001:db8::1:0:0:1" },
  { text: "fe80::1%eth0", ip: "fe80::1" },
  { text: "64:ff9b::192.0.2.1", ip: "64:ff9b::c000:201" },
  { text: "::192.0.2.1", ip: "::c000:201" },
]

for (const { text, ip } of canonical) {
  t.test(`the canonical form of ${text} is ${ip}`, async (t) => {
    t.equal(canonicalIp(text), ip)
    t.equal(canonicalIp(ip), ip)
  })
}

for (const text of [
  "",
  "1.2.3",
  "1.2.3.256",
  "01.2.3.4",
  "::ffff:",
  "::ffff:1.2.3",
  "1::2::3",
  "[::1]",
  " ::1",
  "a.example",
]) {
  t.test(`${JSON.stringify(text)} is not an IP address`, async (t) => {
    t.equal(canonicalIp(text), "")
  })
}

/** Random groups with many zeros, to exercise compression. */
function randomBytes(random: Random): Buffer {
  return Buffer.from(
    Array.from({ length: 8 }, () => oneOf(random, [0, 0, 1, between(random, 0, 0xffff)])).flatMap((group) => [
      group >> 8,
      group & 0xff,
    ]),
  )
}

t.test("IPv6 addresses are formatted as in the URL standard, and parsed back", async (t) => {
  const random = seededRandom(5952)
  for (let round = 0; round < 3000; round++) {
    const bytes = randomBytes(random)
    const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16))
    const expected = new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1)
    const text = textOfIp(bytes)
    if (text === expected && bytesOfIp(text).equals(bytes)) continue
    t.equal(text, expected, `round ${round}`)
    t.same(bytesOfIp(text), bytes, text)
    return
  }
  t.pass("every one")
})

t.test("IPv4 addresses are parsed back, and equal their IPv4-mapped form", async (t) => {
  const random = seededRandom(4291)
  const wrong: unknown[] = []
  for (let round = 0; round < 500; round++) {
    const bytes = Buffer.from(Array.from({ length: 4 }, () => between(random, 0, 255)))
    const ip = textOfIp(bytes)
    const mapped = ipv6BytesOfIp(ip)
    const isSame = bytesOfIp(ip).equals(bytes) && mapped.length === 16 && textOfIp(mapped) === ip
    if (!isSame || canonicalIp(`::ffff:${ip}`) !== ip) wrong.push({ round, ip, mapped })
  }
  t.same(wrong, [])
})

t.test("the canonical form of any spelling is a valid address", async (t) => {
  const random = seededRandom(4)
  const wrong: unknown[] = []
  for (let round = 0; round < 500; round++) {
    const groups = Array.from({ length: 6 }, () => between(random, 0, 0xffff).toString(16).toUpperCase())
    const ip = canonicalIp(`${groups.join(":")}:1.2.3.4`)
    const again = canonicalIp(`${groups.join(":")}:102:304`)
    if (!isIPv6(ip) || ip !== again) wrong.push({ groups, ip, again })
  }
  t.same(wrong, [])
})
