import t from "tap"
import { AddressError } from "../../lib/address/address.js"
import { bytesOfIp, textOfIp } from "../../lib/address/ip.js"
import { TrustedProxies } from "../../lib/forwarding/trusted-proxies.js"
import { between, oneOf, seededRandom } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

const cases: { list: string[]; trusted: string[]; others: string[] }[] = [
  { list: [], trusted: [], others: ["", "127.0.0.1", "::1"] },
  { list: ["192.0.2.1"], trusted: ["192.0.2.1"], others: ["192.0.2.0", "192.0.2.2", "::1", ""] },
  { list: ["10.0.0.0/8"], trusted: ["10.0.0.0", "10.255.255.255"], others: ["9.255.255.255", "11.0.0.0"] },
  { list: ["10.0.0.1/8"], trusted: ["10.0.0.0", "10.255.255.255"], others: ["9.255.255.255", "11.0.0.0"] },
  { list: ["192.0.2.1/32"], trusted: ["192.0.2.1"], others: ["192.0.2.0"] },
  { list: ["0.0.0.0/0"], trusted: ["0.0.0.0", "255.255.255.255"], others: ["::", "::1", ""] },
  { list: ["::1"], trusted: ["::1"], others: ["::", "::2", "127.0.0.1", ""] },
  { list: ["FD00::/8"], trusted: ["fd00::", "fdff::1"], others: ["fc00::", "fe00::"] },
  { list: ["::/0"], trusted: ["::", "fe80::1"], others: ["0.0.0.0", "192.0.2.1", ""] },
  { list: ["::ffff:10.0.0.0/104"], trusted: ["10.0.0.0", "10.1.2.3"], others: ["11.0.0.0", "::a00:0"] },
  { list: ["::ffff:192.0.2.1"], trusted: ["192.0.2.1"], others: ["192.0.2.2"] },
  { list: ["::ffff:0.0.0.0/96"], trusted: ["192.0.2.1"], others: ["::1"] },
  { list: ["::ffff:0.0.0.0/80"], trusted: ["::1"], others: ["192.0.2.1", "1::"] },
  { list: ["unix"], trusted: [""], others: ["127.0.0.1", "::1"] },
  {
    list: ["private_ranges"],
    trusted: [
      ...["127.0.0.1", "127.255.255.255", "10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255"],
      ...["192.168.0.0", "192.168.255.255", "::1", "fd00::", "fdff::1"],
    ],
    others: [
      ...["", "126.255.255.255", "128.0.0.0", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0"],
      ...[
        "192.167.255.255",
        "192.169.0.0",
        "100.64.0.1",
        "169.254.169.254",
        "::",
        "::2",
        "fc00::1",
        "fe80::1",
      ],
    ],
  },
  { list: ["private_ranges", "192.0.2.1"], trusted: ["10.1.1.1", "192.0.2.1"], others: ["192.0.2.2", ""] },
  { list: ["unix", "::1", "10.0.0.0/8"], trusted: ["", "::1", "10.1.1.1"], others: ["::2", "1.1.1.1"] },
]

for (const { list, trusted, others } of cases) {
  t.test(`${JSON.stringify(list)} trusts exactly the listed addresses`, async (t) => {
    const proxies = new TrustedProxies(list)
    t.equal(proxies.isEmpty, list.length === 0)
    for (const ip of trusted) t.equal(proxies.has(ip), true, ip)
    for (const ip of others) t.equal(proxies.has(ip), false, ip)
  })
}

const mistakes: { entry: string; message: string }[] = [
  ...[
    "",
    " ",
    "example.com",
    "localhost",
    "10.0.0",
    "10.0.0.0/",
    "10.0.0.0/x",
    "10.0.0.0/-1",
    "10.0.0.0/8 ",
    "10.0.0.0/8/8",
    "10.0.0.256/8",
    "010.0.0.0/8",
    "10.0.0.1:80",
    "[::1]",
    "fe80::1%eth0",
    "1::2::3",
    "10.0.0.0/255.0.0.0",
    "*",
    "UNIX",
    "private_range",
    "private_ranges/8",
    "unix:/run/a.sock",
  ].map((entry) => ({
    entry,
    message: 'expected an IP address, a range such as 10.0.0.0/8 or fd00::/8, "private_ranges" or "unix"',
  })),
  { entry: "10.0.0.0/33", message: "expected 0 to 32" },
  { entry: "10.0.0.0/999", message: "expected 0 to 32" },
  { entry: "::/129", message: "expected 0 to 128" },
]

for (const { entry, message } of mistakes) {
  t.test(
    `${JSON.stringify(entry)} is refused as a trusted proxy, and the error shows it and what is expected`,
    async (t) => {
      const error = thrownBy(() => new TrustedProxies(["::1", entry]))
      t.type(error, AddressError)
      t.match(error, { message })
      t.match(error, { message: `"${entry}"` })
    },
  )
}

t.test("a range contains exactly the addresses that share its prefix", async (t) => {
  const random = seededRandom(4632)
  for (let round = 0; round < 2000; round++) {
    const bytes = oneOf(random, [4, 16])
    const network = Buffer.from(Array.from({ length: bytes }, () => between(random, 0, 255)))
    const bits = between(random, 0, 8 * bytes)
    const flipped = between(random, 0, 8 * bytes - 1)
    const other = Buffer.from(network)
    other[flipped >> 3] = (network[flipped >> 3] ?? 0) ^ (0x80 >> (flipped & 7))
    const proxies = new TrustedProxies([`${textOfIp(network)}/${bits}`])
    const ip = textOfIp(other)
    if (bytesOfIp(ip).length !== bytes) continue
    if (proxies.has(ip) === flipped >= bits && proxies.has(textOfIp(network))) continue
    t.equal(proxies.has(ip), flipped >= bits, `${ip} of ${textOfIp(network)}/${bits}`)
    t.ok(proxies.has(textOfIp(network)))
    return
  }
  t.pass("every one")
})
