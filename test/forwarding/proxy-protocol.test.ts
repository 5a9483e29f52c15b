import t from "tap"
import type { ClientAddress } from "../../lib/address/client-address.js"
import { crc32c } from "../../lib/forwarding/crc32c.js"
import { ProxyHeaderError } from "../../lib/forwarding/proxy-header.js"
import {
  type ProxyVersion,
  parseProxyHeader,
  writeLocalProxyHeader,
  writeProxyHeader,
} from "../../lib/forwarding/proxy-protocol.js"
import { range } from "../support/http/ascii.js"
import { between, oneOf, type Random, seededRandom, textOf } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n"
const V4 = { source: "c0000201", destination: "c6336402", ports: "dcdd01bb" }
const TCP4_BLOCK = V4.source + V4.destination + V4.ports
const TCP6_BLOCK = `${"20010db8".padEnd(31, "0")}1${"20010db8".padEnd(31, "0")}2${V4.ports}`
const V4_ADDRESSES = { source: at("192.0.2.1", 56541), destination: at("198.51.100.2", 443) }
const V6_ADDRESSES = { source: at("2001:db8::1", 56541), destination: at("2001:db8::2", 443) }
const UNKNOWN = at("", 0)

function at(ip: string, port: number): ClientAddress {
  return { ip, port }
}

/** A header of version 2, in hex: the two bytes after the signature, and what follows its length. */
function block(command: string, following = "", length = following.length / 2): Buffer {
  const lengthBytes = length.toString(16).padStart(4, "0")
  return Buffer.concat([
    Buffer.from(SIGNATURE, "latin1"),
    Buffer.from(command + lengthBytes + following, "hex"),
  ])
}

function tlv(type: string, value: string): string {
  return type + (value.length / 2).toString(16).padStart(4, "0") + value
}

/** The same header with its checksum, which must be zero in the argument, filled in. */
function sealed(header: Buffer): Buffer {
  const found = header.indexOf(Buffer.from(tlv("03", "00000000"), "hex"))
  const copy = Buffer.from(header)
  copy.writeUInt32BE(crc32c(header), found + 3)
  return copy
}

function line(text: string): Buffer {
  return Buffer.from(text, "latin1")
}

function faultOf(bytes: Buffer): string {
  const error = thrownBy(() => parseProxyHeader(bytes))
  return error instanceof ProxyHeaderError ? error.message : ""
}

const NO_TLVS = tlv("04", "")
const CHECKSUM = tlv("03", "00000000")

const valid: {
  title: string
  header: Buffer
  addresses?: { source: ClientAddress; destination: ClientAddress }
  isTls?: true
}[] = [
  {
    title: "TCP4 in version 1",
    header: line("PROXY TCP4 192.0.2.1 198.51.100.2 56541 443\r\n"),
    addresses: V4_ADDRESSES,
  },
  {
    title: "the longest TCP4 in version 1",
    header: line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
    addresses: { source: at("255.255.255.255", 65535), destination: at("255.255.255.255", 65535) },
  },
  {
    title: "ports of 0 in version 1",
    header: line("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"),
    addresses: { source: at("0.0.0.0", 0), destination: at("0.0.0.0", 0) },
  },
  {
    title: "TCP6 in version 1",
    header: line("PROXY TCP6 2001:db8::1 2001:DB8:0:0::2 56541 443\r\n"),
    addresses: V6_ADDRESSES,
  },
  {
    title: "IPv4-mapped addresses in version 1",
    header: line("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 56541 443\r\n"),
    addresses: V4_ADDRESSES,
  },
  { title: "UNKNOWN in version 1", header: line("PROXY UNKNOWN\r\n") },
  {
    title: "the longest UNKNOWN in version 1",
    header: line(`PROXY UNKNOWN ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`),
  },
  { title: "UNKNOWN followed by anything in version 1", header: line("PROXY UNKNOWN \0 %\xff\t x  \r\n") },
  { title: "TCP4 in version 2", header: block("2111", TCP4_BLOCK), addresses: V4_ADDRESSES },
  { title: "TCP6 in version 2", header: block("2121", TCP6_BLOCK), addresses: V6_ADDRESSES },
  {
    title: "IPv4-mapped addresses in version 2",
    header: block(
      "2121",
      `${"0".repeat(20)}ffff${V4.source}${"0".repeat(20)}ffff${V4.destination}${V4.ports}`,
    ),
    addresses: V4_ADDRESSES,
  },
  { title: "a Unix socket in version 2", header: block("2131", "2f61".padEnd(432, "0")) },
  { title: "an unspecified family in version 2", header: block("2100") },
  { title: "an unspecified family with TLVs", header: block("2100", tlv("05", "0102") + NO_TLVS) },
  { title: "LOCAL in version 2", header: block("2000") },
  { title: "LOCAL with a family and addresses", header: block("2011", TCP4_BLOCK) },
  { title: "LOCAL with a family that does not exist", header: block("20ff") },
  { title: "LOCAL with bytes that are not TLVs", header: block("2000", "0300") },
  { title: "the longest LOCAL", header: block("2000", "00".repeat(4096)) },
  {
    title: "TLVs that are ignored",
    header: block("2111", TCP4_BLOCK + tlv("01", "6832") + tlv("e0", "ff".repeat(300)) + NO_TLVS),
    addresses: V4_ADDRESSES,
  },
  {
    title: "the longest header of version 2",
    header: block("2111", TCP4_BLOCK + tlv("04", "00".repeat(4096 - 15))),
    addresses: V4_ADDRESSES,
  },
  {
    title: "only a correct checksum",
    header: sealed(block("2111", TCP4_BLOCK + CHECKSUM)),
    addresses: V4_ADDRESSES,
  },
  {
    title: "a correct checksum before and after other TLVs",
    header: sealed(block("2121", TCP6_BLOCK + tlv("05", "616263") + CHECKSUM + tlv("20", "0100000000"))),
    addresses: V6_ADDRESSES,
    isTls: true,
  },
  {
    title: "TLS, with its version and cipher",
    header: block("2111", TCP4_BLOCK + NO_TLVS + tlv("20", `0100000000${tlv("21", "544c53")}`)),
    addresses: V4_ADDRESSES,
    isTls: true,
  },
  {
    title: "TLS and a client certificate",
    header: block("2121", TCP6_BLOCK + tlv("20", "0700000001")),
    addresses: V6_ADDRESSES,
    isTls: true,
  },
  {
    title: "flags without TLS",
    header: block("2111", TCP4_BLOCK + tlv("20", "0600000000")),
    addresses: V4_ADDRESSES,
  },
  {
    title: "a TLS TLV that is too short, and one nested in another TLV",
    header: block("2111", TCP4_BLOCK + tlv("20", "01000000") + tlv("e0", tlv("20", "0100000000"))),
    addresses: V4_ADDRESSES,
  },
  { title: "LOCAL with a TLS TLV", header: block("2000", tlv("20", "0100000000")) },
  { title: "a correct checksum of an unspecified family", header: sealed(block("2100", CHECKSUM)) },
  {
    title: "LOCAL with a wrong checksum, which is skipped",
    header: block("2000", tlv("03", "12345678")),
  },
]

for (const { title, header, addresses, isTls } of valid) {
  t.test(`a header with ${title} is parsed, and what follows it is ignored`, async (t) => {
    const expected = { length: header.length, ...addresses, ...(isTls && { isTls }) }
    t.same(parseProxyHeader(header), expected)
    for (const more of ["\0", "G", "\r\n", "PROXY TCP4", SIGNATURE]) {
      t.same(parseProxyHeader(Buffer.concat([header, line(more)])), expected, JSON.stringify(more))
    }
  })

  t.test(`every prefix of a header with ${title} is incomplete`, async (t) => {
    for (let length = 0; length < header.length; length++) {
      if (parseProxyHeader(header.subarray(0, length)) === "incomplete") continue
      t.fail(`${length} bytes`)
    }
    t.pass()
  })
}

const NEITHER = "starts with neither PROXY nor the version 2 signature"
const PROTOCOL = "protocol is not TCP4, TCP6 or UNKNOWN"
const NO_TCP4 = "not a valid TCP4 address"
const NO_TCP6 = "not a valid TCP6 address"
const PORT = "port is not a number from 0 to 65535"
const LACKS = "an address or a port is missing"
const MORE = "more parts than two addresses and two ports"
const TOO_LONG = "line longer than 107 bytes"
const BARE_CR = "bare CR"
const BARE_LF = "bare LF"
const TLV_CUT = "truncated TLV"

/** Each ends with the byte that shows the fault; without that byte it is incomplete. */
const malformed: { seen: Buffer; fault: string }[] = [
  ...[
    "G",
    "\n",
    " ",
    "p",
    "\x16",
    "\0",
    "PROXY\t",
    "PROXX",
    "PROXYT",
    "P ",
    "\r\r",
    "\r\n\r\n\n",
    "\r\n\r\n\0\r\nQUIT\r",
  ].map((text) => ({ text, fault: NEITHER })),
  ...[
    "PROXY  ",
    "PROXY t",
    "PROXY TCP5",
    "PROXY TCP4\t",
    "PROXY TCP ",
    "PROXY UD",
    "PROXY UNKNOWNX",
    "PROXY UNKNOWN\t",
  ].map((text) => ({ text, fault: PROTOCOL })),
  ...["PROXY\r", "PROXY \r", "PROXY TCP\r", "PROXY UNKN\r"].map((text) => ({ text, fault: PROTOCOL })),
  ...[
    "  ",
    " 256",
    " 01",
    " 1.2.3.4.",
    " 1..",
    " 1.2.3 ",
    " :",
    " a",
    " 192.0.2.1  ",
    " 1.1.1.1 2.2.2.2222",
    " 1.1.1.1 2.2.2.2\t",
  ].map((text) => ({ text: `PROXY TCP4${text}`, fault: NO_TCP4 })),
  ...[
    "  ",
    " 1.",
    " 12345",
    " 1:2:3:4:5:6:7:8:",
    " 1:2:3:4:5:6:7:8 1::2::",
    " :1",
    " g",
    " [",
    " ::1%",
    " ::1/",
    " ::256.",
    " ::1.2.3.4.",
    " 1:2:3:4:5:6:7:1.",
    " ::ffff:1.2.3 ",
  ].map((text) => ({ text: `PROXY TCP6${text}`, fault: NO_TCP6 })),
  ...[
    "  ",
    " -",
    " +",
    " 00",
    " 01",
    " 65536",
    " 100000",
    " 0x",
    " 1.",
    " 1 00",
    " 1  ",
    " 1 65536",
    " 1 2\t",
    " 1 a",
  ].map((text) => ({ text: `PROXY TCP4 192.0.2.1 198.51.100.2${text}`, fault: PORT })),
  ...["", " ", " 1.1.1.1 2.2.2.2"].map((text) => ({
    text: `PROXY TCP4${text}\r`,
    fault: text === " " ? NO_TCP4 : LACKS,
  })),
  { text: "PROXY TCP4 1.1.1.1 2.2.2.2 1\r", fault: LACKS },
  { text: "PROXY TCP4 1.1.1.1 2.2.2.2 1 \r", fault: PORT },
  { text: "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 ", fault: MORE },
  { text: "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n", fault: BARE_LF },
  { text: "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r", fault: BARE_CR },
  { text: "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\rG", fault: BARE_CR },
  { text: "PROXY UNKNOWN\n", fault: BARE_LF },
  { text: "PROXY UNKNOWN x\n", fault: BARE_LF },
  { text: "PROXY UNKNOWN x\r ", fault: BARE_CR },
  { text: `PROXY UNKNOWN ${"x".repeat(92)}`, fault: TOO_LONG },
].map(({ text, fault }) => ({ seen: line(text), fault }))

const binary: typeof malformed = [
  ...["11", "01", "31", "f1", "00"].map((command) => ({ command, fault: "version is not 2" })),
  ...["22", "2f"].map((command) => ({ command, fault: "unknown command" })),
  ...["2112", "2122", "2132", "2110", "2101", "2120", "2130", "2141", "21ff", "2113"].map((command) => ({
    command,
    fault: "unsupported address family or transport",
  })),
  ...["211111", "2100ff", "2000ff", "20001001"].map((command) => ({
    command,
    fault: "length exceeds 4096",
  })),
  ...["21110000", "2111000b", "21210023", "213100d7"].map((command) => ({
    command,
    fault: "length too short for the addresses",
  })),
  // One or two bytes are too few for a TLV, as the length already shows.
  ...["2111000d", "2111000e", "21210025", "21000001", "21000002", "213100da"].map((command) => ({
    command,
    fault: TLV_CUT,
  })),
  { command: `2111000f${TCP4_BLOCK}0401`, fault: TLV_CUT },
  { command: `2111000f${TCP4_BLOCK}040001`, fault: TLV_CUT },
  { command: `21110012${TCP4_BLOCK}040001`, fault: TLV_CUT },
  { command: `21110012${TCP4_BLOCK}03`, fault: TLV_CUT },
  { command: `21110014${TCP4_BLOCK}03`, fault: TLV_CUT },
  { command: `21110014${TCP4_BLOCK}04000100040002`, fault: TLV_CUT },
  { command: `21110019${TCP4_BLOCK}0301`, fault: "checksum is not 4 bytes long" },
  { command: `21110019${TCP4_BLOCK}030003`, fault: "checksum is not 4 bytes long" },
  { command: `2111001a${TCP4_BLOCK}030000`, fault: "checksum is not 4 bytes long" },
  { command: `2111001a${TCP4_BLOCK}${CHECKSUM}03`, fault: "more than one checksum" },
].map(({ command, fault }) => ({
  seen: Buffer.concat([line(SIGNATURE), Buffer.from(command, "hex")]),
  fault,
}))

for (const { seen, fault } of [...malformed, ...binary]) {
  const shown = seen[0] === 0x0d ? seen.toString("hex") : JSON.stringify(seen.toString("latin1"))
  t.test(`${shown} is refused at its last byte: ${fault}`, async (t) => {
    t.equal(faultOf(seen), fault)
    t.equal(parseProxyHeader(seen.subarray(0, -1)), "incomplete")
    for (const more of ["x", "\r\n", " ", "\0", "\0".repeat(5000)]) {
      t.type(
        thrownBy(() => parseProxyHeader(Buffer.concat([seen, line(more)]))),
        ProxyHeaderError,
      )
    }
  })
}

t.test("an invalid header is refused in any fragmentation", async (t) => {
  for (const { seen } of [...malformed, ...binary]) {
    for (let length = 0; length < seen.length; length++) {
      if (faultOf(seen.subarray(0, length)) !== "") t.fail(`${length} bytes of ${seen.toString("latin1")}`)
    }
  }
  t.pass()
})

t.test("the checksum detects every flipped bit", async (t) => {
  const header = sealed(block("2111", TCP4_BLOCK + tlv("05", "616263") + CHECKSUM))
  const checked = header.length - 7
  for (let bit = 0; bit < 8 * header.length; bit++) {
    const changed = Buffer.from(header)
    changed[bit >> 3] = (header[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    // Exceptions: a LOCAL header is skipped, a longer one is incomplete, another TLV type is no checksum.
    const becomesLocal = changed[12] === 0x20
    const isLonger = changed.readUInt16BE(14) > header.readUInt16BE(14)
    if (becomesLocal || isLonger || bit >> 3 === checked) continue
    if (faultOf(changed) === "") t.fail(`bit ${bit}`)
  }
  t.equal(faultOf(block("2111", TCP4_BLOCK + tlv("03", "12345678"))), "wrong checksum")
})

/** Random bytes that resemble a header. */
function nearHeader(random: Random): Buffer {
  const { header } = oneOf(random, valid as [(typeof valid)[0], ...typeof valid])
  const bytes = Buffer.from(header.subarray(0, 120))
  for (let count = between(random, 0, 2); count > 0; count--) {
    const index = between(random, 0, bytes.length - 1)
    bytes[index] = oneOf(random, [between(random, 0, 255), 0x20, 0x30, 0x3a, 0x2e, 0x0d, 0x0a, 0, 3, 4])
  }
  return bytes
}

t.test("for random bytes, the verdict on a prefix is final", async (t) => {
  const random = seededRandom(2014)
  for (let round = 0; round < 2000; round++) {
    const bytes = nearHeader(random)
    let verdict = ""
    for (let length = 0; length <= bytes.length; length++) {
      const beginning = bytes.subarray(0, length)
      const fault = faultOf(beginning)
      const now = fault === "" ? JSON.stringify(parseProxyHeader(beginning)) : "refused"
      if (verdict !== "" && verdict !== '"incomplete"' && now !== verdict) {
        t.equal(now, verdict, `round ${round}: ${bytes.toString("hex")}`)
        return
      }
      verdict = now
    }
  }
  t.pass("every one")
})

t.test("a prefix of an IPv6 address is incomplete as long as it can become an address", async (t) => {
  const random = seededRandom(2373)
  const before = "PROXY TCP6 "
  const behind = " ::1 1 2\r\n"
  for (let round = 0; round < 4000; round++) {
    const text = textOf(random, "::::ab0129.", 0, 12)
    if (faultOf(line(before + text)) !== "") continue
    // Every incomplete prefix has a completion that is an address.
    const ends = ["", ":", "::", "0", ".0", "0.0", ".0.0", "0.0.0"]
    if (ends.some((end) => typeof parseWhole(before + text + end + behind) === "object")) continue
    t.fail(`round ${round}: ${text}`)
    return
  }
  t.pass("every one")
})

function parseWhole(text: string): unknown {
  return faultOf(line(text)) === "" ? parseProxyHeader(line(text)) : undefined
}

t.test("each version has exactly one valid first byte", async (t) => {
  const begins = Array.from(range(0, 255)).filter((character) => faultOf(line(character)) === "")
  t.same(begins, ["\r", "P"])
})

const written: { source: ClientAddress; destination: ClientAddress; v1: string; v2: Buffer }[] = [
  { ...V4_ADDRESSES, v1: "PROXY TCP4 192.0.2.1 198.51.100.2 56541 443\r\n", v2: block("2111", TCP4_BLOCK) },
  { ...V6_ADDRESSES, v1: "PROXY TCP6 2001:db8::1 2001:db8::2 56541 443\r\n", v2: block("2121", TCP6_BLOCK) },
  {
    source: V4_ADDRESSES.source,
    destination: at("::1", 443),
    v1: "PROXY TCP6 ::ffff:192.0.2.1 ::1 56541 443\r\n",
    v2: block("2121", `${"ffff".padStart(24, "0")}${V4.source}${"1".padStart(32, "0")}${V4.ports}`),
  },
  {
    source: at("::1", 56541),
    destination: V4_ADDRESSES.destination,
    v1: "PROXY TCP6 ::1 ::ffff:198.51.100.2 56541 443\r\n",
    v2: block("2121", `${"1".padStart(32, "0")}${"ffff".padStart(24, "0")}${V4.destination}${V4.ports}`),
  },
  {
    source: V4_ADDRESSES.source,
    destination: UNKNOWN,
    v1: "PROXY TCP4 192.0.2.1 0.0.0.0 56541 0\r\n",
    v2: block("2111", `${V4.source}00000000dcdd0000`),
  },
  {
    source: at("::1", 0),
    destination: UNKNOWN,
    v1: "PROXY TCP6 ::1 :: 0 0\r\n",
    v2: block("2121", `${"1".padStart(32, "0")}${"0".repeat(40)}`),
  },
  { source: UNKNOWN, destination: V4_ADDRESSES.destination, v1: "PROXY UNKNOWN\r\n", v2: block("2100") },
]

for (const { source, destination, v1, v2 } of written) {
  t.test(
    `the header of a connection from ${source.ip || "nobody"} to ${destination.ip || "nowhere"}`,
    async (t) => {
      t.equal(writeProxyHeader("v1", source, destination).toString("latin1"), v1)
      t.same(writeProxyHeader("v2", source, destination), v2)
    },
  )
}

t.test("the header for connections of rws itself says so", async (t) => {
  t.equal(writeLocalProxyHeader("v1").toString("latin1"), "PROXY UNKNOWN\r\n")
  t.same(writeLocalProxyHeader("v2"), block("2000"))
  for (const version of ["v1", "v2"] as const) {
    const header = writeLocalProxyHeader(version)
    t.same(parseProxyHeader(header), { length: header.length })
    header.fill(0)
    t.not(writeLocalProxyHeader(version)[0], 0, "what one caller does to it is not seen by the next")
  }
})

t.test("written values are parsed back unchanged", async (t) => {
  const random = seededRandom(107)
  const anIp = () =>
    oneOf(random, [
      () => Array.from({ length: 4 }, () => between(random, 0, 255)).join("."),
      () => Array.from({ length: 8 }, () => between(random, 1, 0xffff).toString(16)).join(":"),
    ])()
  for (let round = 0; round < 1000; round++) {
    const source = at(anIp(), between(random, 0, 65535))
    const destination = at(anIp(), between(random, 0, 65535))
    const version = oneOf<ProxyVersion>(random, ["v1", "v2"])
    const header = writeProxyHeader(version, source, destination)
    t.same(parseProxyHeader(header), { length: header.length, source, destination })
  }
})
