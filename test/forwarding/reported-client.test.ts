import t from "tap"
import { formatClientAddress } from "../../lib/address/client-address.js"
import { SessionEnd } from "../../lib/close-reason.js"
import { isSecure, type Report, readReport } from "../../lib/forwarding/reported-client.js"
import { TrustedProxies } from "../../lib/forwarding/trusted-proxies.js"
import type { Field } from "../../lib/http/head.js"
import { between, oneOf, seededRandom, textOf } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

const TRUSTED = new TrustedProxies(["10.0.0.0/8", "fd00::/8", "unix"])
const PROXY = { ip: "10.0.0.1", port: 1000 }
const UNIX = { ip: "", port: 0 }

function fieldsOf(...lines: string[]): Field[] {
  return lines.map((line) => {
    const [name = "", ...value] = line.split(":")
    return { name: name.toLowerCase(), value: value.join(":").trim(), line: `${line}\r\n` }
  })
}

const XFF = "X-Forwarded-For"
const cases: { title: string; peer?: typeof PROXY; lines: string[]; client: string }[] = [
  { title: "nothing from a trusted peer", lines: [], client: "10.0.0.1:1000" },
  { title: "one entry", lines: [`${XFF}: 192.0.2.1`], client: "192.0.2.1" },
  { title: "one entry on a Unix socket", peer: UNIX, lines: [`${XFF}: 192.0.2.1`], client: "192.0.2.1" },
  { title: "an entry with a port", lines: [`${XFF}: 192.0.2.1:4711`], client: "192.0.2.1:4711" },
  { title: "an IPv6 entry", lines: [`${XFF}: 2001:DB8::1`], client: "2001:db8::1" },
  { title: "an IPv6 entry in brackets", lines: [`${XFF}: [2001:db8::1]`], client: "2001:db8::1" },
  { title: "an IPv6 entry with a port", lines: [`${XFF}: [2001:db8::1]:4711`], client: "[2001:db8::1]:4711" },
  { title: "an IPv4-mapped entry", lines: [`${XFF}: ::ffff:192.0.2.1`], client: "192.0.2.1" },
  { title: "a forged entry to the left", lines: [`${XFF}: 1.1.1.1, 192.0.2.1`], client: "192.0.2.1" },
  { title: "a malformed entry that is not reached", lines: [`${XFF}: <x>, 192.0.2.1`], client: "192.0.2.1" },
  {
    title: "a forged trusted entry to the left",
    lines: [`${XFF}: 10.0.0.3, 192.0.2.1`],
    client: "192.0.2.1",
  },
  {
    title: "a chain of trusted proxies",
    lines: [`${XFF}: 1.1.1.1, 192.0.2.1, 10.0.0.3,fd00::1`],
    client: "192.0.2.1",
  },
  { title: "only trusted proxies", lines: [`${XFF}: 10.0.0.4, 10.0.0.3`], client: "10.0.0.4" },
  {
    title: "several fields",
    lines: [`${XFF}: 1.1.1.1`, "A: b", `${XFF}: 192.0.2.1`, `${XFF}: 10.0.0.3`],
    client: "192.0.2.1",
  },
  { title: "empty members", lines: [`${XFF}:`, `${XFF}: , 192.0.2.1, ,`], client: "192.0.2.1" },
  { title: "a mapped proxy in a chain", lines: [`${XFF}: 192.0.2.1, ::ffff:10.0.0.3`], client: "192.0.2.1" },
  { title: "unknown", lines: [`${XFF}: 192.0.2.1, unknown`], client: "10.0.0.1:1000" },
  { title: "unknown before a trusted proxy", lines: [`${XFF}: unknown, 10.0.0.3`], client: "10.0.0.3" },
  { title: "both fields", lines: ["Forwarded: for=1.1.1.1", `${XFF}: 192.0.2.1`], client: "192.0.2.1" },
  { title: "an empty X-Forwarded-For", lines: [`${XFF}:`, "Forwarded: for=192.0.2.1"], client: "192.0.2.1" },
  { title: "Forwarded", lines: ["Forwarded: for=192.0.2.1"], client: "192.0.2.1" },
  {
    title: "Forwarded in any case",
    lines: ["FORWARDED: proto=https;FOR=192.0.2.1;by=_x"],
    client: "192.0.2.1",
  },
  { title: "Forwarded with a port", lines: ['Forwarded: for="192.0.2.1:4711"'], client: "192.0.2.1:4711" },
  { title: "Forwarded with a hidden port", lines: ['Forwarded: for="192.0.2.1:_p"'], client: "192.0.2.1" },
  {
    title: "Forwarded with IPv6",
    lines: ['Forwarded: for="[2001:db8::1]:4711"'],
    client: "[2001:db8::1]:4711",
  },
  {
    title: "Forwarded with an escaped character",
    lines: ['Forwarded: for="192.0.2\\.1"'],
    client: "192.0.2.1",
  },
  {
    title: "Forwarded with white space",
    lines: ["Forwarded: for=192.0.2.1 ; proto=http ,, for=10.0.0.3 ;"],
    client: "192.0.2.1",
  },
  {
    title: "separators in quotes",
    lines: ['Forwarded: for=192.0.2.1;x="a,;\\",b", for=10.0.0.3;y=","'],
    client: "192.0.2.1",
  },
  {
    title: "several Forwarded fields",
    lines: ["Forwarded: for=1.1.1.1", "Forwarded: for=192.0.2.1,for=10.0.0.3"],
    client: "192.0.2.1",
  },
  {
    title: "an unterminated quote in a field that is not reached",
    lines: ['Forwarded: for="', "Forwarded: for=192.0.2.1"],
    client: "192.0.2.1",
  },
  {
    title: "a malformed element that is not reached",
    lines: ["Forwarded: for, for=192.0.2.1"],
    client: "192.0.2.1",
  },
  {
    title: "a forged element to the left",
    lines: ["Forwarded: for=1.1.1.1, for=192.0.2.1"],
    client: "192.0.2.1",
  },
  {
    title: "a proxy that hides its client",
    lines: ["Forwarded: for=1.1.1.1, for=_hidden, for=10.0.0.3"],
    client: "10.0.0.3",
  },
  {
    title: "a proxy that does not know its client",
    lines: ['Forwarded: for=1.1.1.1, for="Unknown:80"'],
    client: "10.0.0.1:1000",
  },
  {
    title: "a proxy that does not report its client",
    lines: ["Forwarded: for=1.1.1.1, proto=https"],
    client: "10.0.0.1:1000",
  },
]

for (const { title, peer = PROXY, lines, client } of cases) {
  t.test(`with ${title} the client is ${client}`, async (t) => {
    t.equal(formatClientAddress(readReport(fieldsOf(...lines), TRUSTED).hops[0] ?? peer), client)
  })
}

const badEntries = [
  "a.example",
  "192.0.2",
  "192.0.2.256",
  "192.0.2.01",
  "192.0.2.1:",
  "192.0.2.1:65536",
  "192.0.2.1:123456",
  "192.0.2.1:x",
  "[192.0.2.1]",
  "[::1",
  "::1]",
  "[::1]:",
  "[::1]80",
  "fe80::1%eth0",
  "1::2::3",
  "unknown1",
  "_",
  "_a b",
  "192.0.2.1 10.0.0.1",
  '"192.0.2.1"',
  "-",
  "\xe9",
]
const badElements = [
  "for",
  "for=",
  "=1.1.1.1",
  "for=[::1]",
  "for=192.0.2.1:80",
  'for="',
  'for="192.0.2.1',
  'for="192.0.2.1\\"',
  'for="192.0.2.1"x',
  "for =192.0.2.1",
  "for= 192.0.2.1",
  "for=192.0.2.1;for=192.0.2.1",
  "for=192.0.2.1;FOR=1.1.1.1",
  "for=192.0.2.1;x",
  'for="a.example"',
  "for=a.example",
  'for=""',
  "192.0.2.1",
]
const malformed = [
  ...badEntries.flatMap((entry) => [`${XFF}: ${entry}`, `${XFF}: 1.1.1.1, ${entry}, 10.0.0.3`]),
  ...badElements.flatMap((element) => [
    `Forwarded: ${element}`,
    `Forwarded: for=1.1.1.1, ${element}, for=10.0.0.3`,
  ]),
  // A quote opened by the client swallows what the proxy appends, which must not be read as an element.
  ...["for=10.0.0.9", 'for="[fd00::9]:80"', 'for=10.0.0.9;host="a"', 'for=10.0.0.9;host=""'].map(
    (appended) => `Forwarded: for=6.6.6.6;by=", ${appended}`,
  ),
]

for (const line of malformed) {
  t.test(`${JSON.stringify(line)} from a trusted proxy is refused`, async (t) => {
    const error = thrownBy(() => readReport(fieldsOf(line), TRUSTED))
    t.ok(error instanceof SessionEnd)
    t.match(error, { reason: "bad_forwarded", detail: line.startsWith(XFF) ? XFF : "Forwarded" })
  })
}

t.test("forged entries at the start of a list never change the client", async (t) => {
  const random = seededRandom(7239)
  for (let round = 0; round < 3000; round++) {
    const forged = textOf(random, "10.,:[]_fd unkow;x=", 0, 40)
    const real = oneOf(random, ["192.0.2.1", "2001:db8::1", "198.51.100.7"])
    const hops = Array.from({ length: between(random, 0, 3) }, () => `10.1.2.${between(random, 0, 255)}`)
    const joined = [forged, real, ...hops].join(", ")
    const element = (ip: string) => `for="${ip.includes(":") ? `[${ip}]` : ip}"`
    const elements = [forged, ...[real, ...hops].map(element)].join(", ")
    for (const line of [`${XFF}: ${joined}`, `Forwarded: ${elements}`]) {
      const ip = readReport(fieldsOf(line), TRUSTED).hops[0]?.ip
      if (ip === real) continue
      t.equal(ip, real, `round ${round}: ${line}`)
      return
    }
  }
  t.pass("none")
})

const reports: readonly { title: string; lines: string[]; report: Report }[] = [
  {
    title: "nothing",
    lines: [],
    report: { family: "x-forwarded", hops: [], host: undefined, proto: undefined },
  },
  {
    title: "the chain, host and scheme of X-Forwarded-*",
    lines: [
      `${XFF}: 6.6.6.6, 192.0.2.1, 10.0.0.3`,
      "X-Forwarded-Host: a.example:81",
      "X-Forwarded-Proto: HTTPS",
    ],
    report: {
      family: "x-forwarded",
      hops: [
        { ip: "192.0.2.1", port: 0 },
        { ip: "10.0.0.3", port: 0 },
      ],
      host: "a.example:81",
      proto: "https",
    },
  },
  {
    title: "a scheme alone",
    lines: ["X-Forwarded-Proto: wss"],
    report: { family: "x-forwarded", hops: [], host: undefined, proto: "wss" },
  },
  {
    title: "X-Forwarded-* if X-Forwarded-For is present, even with a malformed Forwarded",
    lines: [`${XFF}: 192.0.2.1`, 'Forwarded: for=6.6.6.6;host=evil;proto=https;by="'],
    report: {
      family: "x-forwarded",
      hops: [{ ip: "192.0.2.1", port: 0 }],
      host: undefined,
      proto: undefined,
    },
  },
  {
    title: "the chain, host and scheme of Forwarded",
    lines: [
      'Forwarded: for=6.6.6.6;proto=ws, for=192.0.2.1;host="a.example:81";proto=HTTPS, for=10.0.0.3;proto=http',
    ],
    report: {
      family: "forwarded",
      hops: [
        { ip: "192.0.2.1", port: 0 },
        { ip: "10.0.0.3", port: 0 },
      ],
      host: "a.example:81",
      proto: "https",
    },
  },
  {
    title: "Forwarded even with X-Forwarded-Host, -Proto and -Port",
    lines: ["X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "Forwarded: for=192.0.2.1;proto=http"],
    report: { family: "forwarded", hops: [{ ip: "192.0.2.1", port: 0 }], host: undefined, proto: "http" },
  },
  {
    title: "no invalid host or scheme",
    lines: [`${XFF}: 192.0.2.1`, 'X-Forwarded-Host: a"b', "X-Forwarded-Proto: ht;tp"],
    report: {
      family: "x-forwarded",
      hops: [{ ip: "192.0.2.1", port: 0 }],
      host: undefined,
      proto: undefined,
    },
  },
  {
    title: "the same in Forwarded",
    lines: ['Forwarded: for=192.0.2.1;host="a b";proto="x;y"'],
    report: { family: "forwarded", hops: [{ ip: "192.0.2.1", port: 0 }], host: undefined, proto: undefined },
  },
]

for (const { title, lines, report } of reports) {
  t.test(`a trusted proxy reports ${title}`, async (t) => {
    t.same(readReport(fieldsOf(...lines), TRUSTED), report)
  })
}

const schemes: { lines: string[]; secure: boolean }[] = [
  { lines: [], secure: false },
  { lines: ["X-Forwarded-Proto: https"], secure: true },
  { lines: ["X-Forwarded-Proto: WSS"], secure: true },
  { lines: ["X-Forwarded-Proto: http"], secure: false },
  { lines: ["X-Forwarded-Proto: ws"], secure: false },
  { lines: ["X-Forwarded-Proto: https2"], secure: false },
  { lines: ["X-Forwarded-Proto: http, https"], secure: true },
  { lines: ["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"], secure: false },
  { lines: [`${XFF}: 192.0.2.1`, "Forwarded: for=192.0.2.1;proto=https"], secure: false },
  { lines: ["X-Forwarded-Proto: https", "Forwarded: for=192.0.2.1;proto=http"], secure: false },
  { lines: ["Forwarded: for=192.0.2.1;proto=HTTPS"], secure: true },
  { lines: ["Forwarded: for=192.0.2.1;proto=https, for=10.0.0.3;proto=http"], secure: true },
  { lines: ["Forwarded: for=6.6.6.6;proto=https, for=192.0.2.1;proto=http"], secure: false },
  { lines: ["Forwarded: for=6.6.6.6;proto=https, for=192.0.2.1"], secure: false },
  { lines: ["Forwarded: for=_hidden;proto=https, for=10.0.0.3"], secure: true },
]

for (const { lines, secure } of schemes) {
  t.test(
    `a client connected over ${secure ? "TLS" : "plain TCP"} by ${lines.join(" and ") || "no field"}`,
    async (t) => {
      t.equal(isSecure(readReport(fieldsOf(...lines), TRUSTED).proto ?? "http"), secure)
    },
  )
}
