import t from "tap"
import { AddressError } from "../../lib/address/address.js"
import { type AddressKind, kindOf, parseDestinations } from "../../lib/address/destinations.js"

/** What each address is, and so whether it may be dialled without `allow_destinations`: only if public. */
const ADDRESSES: readonly (readonly [ip: string, kind: AddressKind, what: string])[] = [
  ["93.184.216.34", "public", "a public address"],
  ["1.1.1.1", "public", "another one"],
  ["100.63.255.255", "public", "the last before the shared range"],
  ["100.128.0.0", "public", "the first behind it"],
  ["172.15.255.255", "public", "the last before 172.16.0.0/12"],
  ["172.32.0.0", "public", "the first behind it"],
  ["223.255.255.255", "public", "the last before multicast"],
  ["2606:4700:4700::1111", "public", "a public IPv6 address"],
  ["2a00:1450:4001::1", "public", "another one"],
  ["2001:4860:4860::8888", "public", "one behind 2001::/23"],
  ["64:ff9b::101:101", "public", "1.1.1.1 through NAT64"],
  ["10.0.0.1", "private", "RFC 1918"],
  ["10.255.255.255", "private", "RFC 1918"],
  ["172.16.0.1", "private", "RFC 1918"],
  ["172.31.255.255", "private", "RFC 1918"],
  ["192.168.1.1", "private", "RFC 1918"],
  ["100.64.0.1", "private", "carrier-grade NAT"],
  ["fd12:3456::1", "private", "a unique local address"],
  ["fc00::1", "private", "a unique local address"],
  ["64:ff9b::a00:1", "private", "10.0.0.1 through NAT64"],
  ["127.0.0.1", "special", "loopback"],
  ["127.1.2.3", "special", "loopback"],
  ["127.255.255.254", "special", "loopback"],
  ["::1", "special", "loopback"],
  ["0:0:0:0:0:0:0:1", "special", "loopback, written out"],
  ["169.254.169.254", "special", "the metadata service of most clouds"],
  ["169.254.170.2", "special", "credentials of AWS's containers"],
  ["fd00:ec2::254", "special", "the metadata service of AWS by IPv6"],
  ["fd00:0ec2:0:0:0:0:0:0254", "special", "the same, written out"],
  ["fd20:ce::254", "special", "the metadata service of Google by IPv6"],
  ["100.100.100.200", "special", "the metadata service of Alibaba"],
  ["168.63.129.16", "special", "the platform of Azure"],
  ["192.0.0.192", "special", "the metadata service of Oracle"],
  ["fe80::1", "special", "link-local"],
  ["febf::1", "special", "link-local"],
  ["fec0::1", "special", "site-local, deprecated"],
  ["::ffff:127.0.0.1", "special", "mapped loopback"],
  ["::ffff:7f00:1", "special", "mapped loopback in hexadecimal digits"],
  ["0:0:0:0:0:ffff:127.0.0.1", "special", "mapped loopback, written out"],
  ["::FFFF:A9FE:A9FE", "special", "mapped metadata service"],
  ["::ffff:10.0.0.1", "special", "mapped private address"],
  ["::ffff:8.8.8.8", "special", "mapped public address"],
  ["::127.0.0.1", "special", "IPv4-compatible loopback"],
  ["::ffff:0:127.0.0.1", "special", "IPv4-translated loopback"],
  ["64:ff9b::7f00:1", "special", "loopback through NAT64"],
  ["64:ff9b::169.254.169.254", "special", "the metadata service through NAT64"],
  ["64:ff9b:1::7f00:1", "special", "local-use NAT64"],
  ["2002:7f00:1::", "special", "6to4 of loopback"],
  ["2002:a9fe:a9fe::1", "special", "6to4 of the metadata service"],
  ["2001:0:4136:e378:8000:63bf:3fff:fdd2", "special", "Teredo"],
  ["2001:db8::1", "special", "documentation"],
  ["3fff::1", "special", "documentation"],
  ["100::1", "special", "discard-only"],
  ["5f00::1", "special", "segment routing"],
  ["192.0.2.1", "special", "documentation"],
  ["198.51.100.7", "special", "documentation"],
  ["203.0.113.9", "special", "documentation"],
  ["198.18.0.1", "special", "benchmarks"],
  ["192.88.99.1", "special", "the 6to4 relay, deprecated"],
  ["0.0.0.0", "unusable", "unspecified: Linux dials itself"],
  ["0.1.2.3", "unusable", "this network"],
  ["::", "unusable", "unspecified"],
  ["::ffff:0.0.0.0", "unusable", "mapped unspecified"],
  ["224.0.0.1", "unusable", "multicast"],
  ["239.255.255.250", "unusable", "multicast"],
  ["ff02::1", "unusable", "multicast"],
  ["240.0.0.1", "unusable", "reserved"],
  ["255.255.255.255", "unusable", "broadcast"],
  ["64:ff9b::e000:1", "unusable", "multicast through NAT64"],
  ["not an address", "unusable", "no address"],
]

for (const [ip, kind, what] of ADDRESSES) {
  t.test(`${ip} is ${kind}: ${what}`, async (t) => {
    t.equal(kindOf(ip), kind)
    t.equal(parseDestinations([])("backend.example", ip, 443), kind === "public", "without a list")
    const isNamed = kind === "public" || kind === "private"
    t.equal(parseDestinations(["backend.example"])("backend.example", ip, 443), isNamed, "by name")
    t.equal(parseDestinations(["*.example"])("backend.example", ip, 443), isNamed, "by a wildcard")
  })
}

interface Case {
  readonly entries: readonly string[]
  readonly host: string
  readonly ip?: string
  readonly port?: number
  readonly isPermitted: boolean
}

const CASES: readonly Case[] = [
  { entries: ["chat.example"], host: "chat.example", isPermitted: true },
  { entries: ["chat.example"], host: "CHAT.Example.", isPermitted: true },
  { entries: ["chat.example"], host: "chat.example.evil.example", isPermitted: false },
  { entries: ["chat.example"], host: "a.chat.example", isPermitted: false },
  { entries: ["chat.example"], host: "other.example", isPermitted: false },
  { entries: ["chat.example"], host: "93.184.216.34", isPermitted: false },
  { entries: ["*.chat.example"], host: "a.b.chat.example", isPermitted: true },
  { entries: ["*.chat.example"], host: "chat.example", isPermitted: false },
  { entries: ["*.chat.example"], host: "evilchat.example", isPermitted: false },
  { entries: ["*.chat.example"], host: "a.chat.example", ip: "10.0.0.5", isPermitted: true },
  { entries: ["*.chat.example"], host: "a.chat.example", ip: "127.0.0.1", isPermitted: false },
  { entries: ["*.chat.example", "127.0.0.0/8"], host: "a.chat.example", ip: "127.0.0.1", isPermitted: true },
  { entries: ["localhost"], host: "localhost", ip: "127.0.0.1", isPermitted: true },
  { entries: ["localhost"], host: "localhost", ip: "::1", isPermitted: true },
  { entries: ["LocalHost.:443"], host: "localhost", ip: "127.0.0.1", isPermitted: true },
  { entries: ["localhost"], host: "localhost", ip: "169.254.169.254", isPermitted: false },
  { entries: ["localhost"], host: "localhost", isPermitted: false },
  { entries: ["*.localhost"], host: "a.localhost", ip: "127.0.0.1", isPermitted: false },
  { entries: ["db.internal"], host: "db.internal", ip: "10.0.0.5", isPermitted: true },
  { entries: ["db.internal"], host: "db.internal", ip: "127.0.0.1", isPermitted: false },
  { entries: ["db.internal", "127.0.0.1"], host: "db.internal", ip: "127.0.0.1", isPermitted: true },
  { entries: ["localhost"], host: "127.0.0.1", ip: "127.0.0.1", isPermitted: false },
  { entries: ["10.0.0.0/8"], host: "anything.example", ip: "10.9.8.7", isPermitted: true },
  { entries: ["10.0.0.0/8"], host: "anything.example", ip: "11.0.0.1", isPermitted: false },
  { entries: ["10.0.0.0/8"], host: "anything.example", ip: "::ffff:10.0.0.1", isPermitted: true },
  { entries: ["10.0.0.0/8"], host: "public.example", isPermitted: false },
  { entries: ["10.0.0.5"], host: "10.0.0.5", ip: "10.0.0.5", isPermitted: true },
  { entries: ["10.0.0.5"], host: "10.0.0.6", ip: "10.0.0.6", isPermitted: false },
  { entries: ["0.0.0.0/0"], host: "a.example", ip: "::1", isPermitted: false },
  { entries: ["::/0"], host: "a.example", ip: "127.0.0.1", isPermitted: false },
  { entries: ["fd00::/8"], host: "a.example", ip: "fd00::5", isPermitted: true },
  { entries: ["[fd00::/8]:443"], host: "a.example", ip: "fd00::5", isPermitted: true },
  { entries: ["[fd00::/8]:443"], host: "a.example", ip: "fd00::5", port: 80, isPermitted: false },
  { entries: ["[fd00::5]"], host: "fd00::5", ip: "fd00:0::5", isPermitted: true },
  { entries: ["fd00.example"], host: "fd00::5", ip: "fd00::5", isPermitted: false },
  { entries: ["chat.example:443"], host: "chat.example", port: 443, isPermitted: true },
  { entries: ["chat.example:443"], host: "chat.example", port: 80, isPermitted: false },
  { entries: ["chat.example:8000-8999"], host: "chat.example", port: 8000, isPermitted: true },
  { entries: ["chat.example:8000-8999"], host: "chat.example", port: 8999, isPermitted: true },
  { entries: ["chat.example:8000-8999"], host: "chat.example", port: 9000, isPermitted: false },
  { entries: ["10.0.0.0/8:22"], host: "10.0.0.1", ip: "10.0.0.1", port: 22, isPermitted: true },
  { entries: ["10.0.0.0/8:22"], host: "10.0.0.1", ip: "10.0.0.1", port: 23, isPermitted: false },
]

for (const { entries, host, ip = "93.184.216.34", port = 443, isPermitted } of CASES) {
  const verdict = isPermitted ? "permit" : "refuse"
  t.test(`${entries.join(" and ")} ${verdict} ${host}, which is ${ip}, port ${port}`, async (t) => {
    t.equal(parseDestinations(entries)(host, ip, port), isPermitted)
  })
}

const INVALID: readonly string[] = [
  ...["", "*", "*.", "a b", "10.0.0.0/33", "10.0.0", "300.1.1.1", "127.1", "0x7f000001", "2130706433"],
  ...["fd00::/129", "[::1", "::1]:80", "[chat.example]:80", "chat.example:", "chat.example:0"],
  ...["chat.example:65536", "chat.example:90-80", "chat.example:a", "ws://chat.example", "chat.example/path"],
  ...["unix:/run/x.sock", "user@chat.example", "fe80::1%lo", "ex*mple.com", "a.*.example"],
]

for (const entry of INVALID) {
  t.test(`"${entry}" is not a destination`, async (t) => {
    t.throws(() => parseDestinations([entry]), AddressError)
  })
}
