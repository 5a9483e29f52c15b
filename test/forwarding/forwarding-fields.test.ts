import t from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import {
  type ForwardedMode,
  type ForwardingFacts,
  forwardingEdits,
} from "../../lib/forwarding/forwarding-fields.js"
import { readReport } from "../../lib/forwarding/reported-client.js"
import { TrustedProxies } from "../../lib/forwarding/trusted-proxies.js"
import type { FieldEdit } from "../../lib/http/field-writer.js"
import type { Field } from "../../lib/http/head.js"
import { FIELD_VCHAR } from "../support/http/ascii.js"
import { between, oneOf, seededRandom, textOf } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

const CLIENT = { ip: "192.0.2.1", port: 4711 }
const CLIENT6 = { ip: "2001:db8::1", port: 4711 }
const UNIX = { ip: "", port: 0 }
const TRUSTED = new TrustedProxies(["192.0.2.1", "10.0.0.0/8"])

/** The peer's report in these fields, if it is trusted. */
function reportIf(isTrusted: boolean, fields: readonly Field[]): ForwardingFacts["report"] {
  return isTrusted ? readReport(fields, TRUSTED) : undefined
}

function fieldsOf(...lines: string[]): Field[] {
  return lines.map((line) => {
    const [name = "", ...value] = line.split(":")
    return { name: name.toLowerCase(), value: value.join(":").trim(), line: `${line}\r\n` }
  })
}

/** What is left of the edits once a later one of the same name has replaced an earlier one. */
function linesByName(edits: readonly FieldEdit[]): Map<string, string> {
  return new Map(edits.map(({ key, line }) => [key, line]))
}

interface Case {
  readonly title: string
  readonly mode?: ForwardedMode
  readonly trusted?: boolean
  readonly peer?: ForwardingFacts["peer"]
  readonly localPort?: number
  /** How the peer connected. Default: http. */
  readonly proto?: ForwardingFacts["proto"]
  /** The Host field. Default: chat.example:8080. */
  readonly host?: string
  readonly lines?: readonly string[]
  /** The lines that are set, in any order. */
  readonly set: readonly string[]
  /** The names that are removed. */
  readonly removed?: readonly string[]
}

const OURS = [
  "X-Forwarded-For: 192.0.2.1",
  "X-Forwarded-Host: chat.example:8080",
  "X-Forwarded-Proto: http",
  "X-Forwarded-Port: 8080",
]
const OUR_ELEMENT = 'for=192.0.2.1;host="chat.example:8080";proto=http'
const THEIRS = [
  "X-Forwarded-For: 1.1.1.1",
  "X-Forwarded-Host: evil.example",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Port: 443",
  "Forwarded: for=1.1.1.1",
]

const cases: Case[] = [
  { title: "a client without such fields", set: OURS },
  { title: "a client without such fields, as RFC 7239", mode: "rfc7239", set: [`Forwarded: ${OUR_ELEMENT}`] },
  {
    title: "a client without such fields, in both families",
    mode: "both",
    set: [...OURS, `Forwarded: ${OUR_ELEMENT}`],
  },
  { title: "a client that forges them", lines: THEIRS, set: OURS, removed: ["forwarded"] },
  {
    title: "a client that forges them, as RFC 7239",
    mode: "rfc7239",
    lines: THEIRS,
    set: [`Forwarded: ${OUR_ELEMENT}`],
    removed: ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"],
  },
  {
    title: "a client that forges them, in both families",
    mode: "both",
    lines: THEIRS,
    set: [...OURS, `Forwarded: ${OUR_ELEMENT}`],
  },
  {
    title: "a client that forges related fields",
    lines: [
      "X-Real-IP: 1.1.1.1",
      "X-Forwarded-Server: a",
      "X-Forwarded-Prefix: /a",
      "X-Forwarded: x",
      "X-Forwarded-Ssl: on",
    ],
    set: OURS,
    removed: ["x-real-ip", "x-forwarded-server", "x-forwarded-prefix", "x-forwarded", "x-forwarded-ssl"],
  },
  {
    title: "a client that sends names which a CGI backend confuses with them",
    lines: [
      "X_Forwarded_For: 1.1.1.1",
      "X-Forwarded_Proto: https",
      "X_Real-IP: 1.1.1.1",
      "X.Forwarded.Host: a",
    ],
    set: OURS,
    removed: ["x_forwarded_for", "x-forwarded_proto", "x_real-ip", "x.forwarded.host"],
  },
  {
    title: "a client whose other fields only look similar",
    lines: [
      "X-Forwardedfor: a",
      "Forwarded-For: a",
      "X-Forward: a",
      "XX-Forwarded-For: a",
      "X-Real-IPs: a",
      "Forwardedx: a",
      "XForwarded-For: a",
      "Cookie: forwarded",
    ],
    set: OURS,
  },
  { title: "a client with IPv6", peer: CLIENT6, set: ["X-Forwarded-For: 2001:db8::1", ...OURS.slice(1)] },
  {
    title: "a client with IPv6, as RFC 7239",
    mode: "rfc7239",
    peer: CLIENT6,
    set: ['Forwarded: for="[2001:db8::1]";host="chat.example:8080";proto=http'],
  },
  { title: "a client on a Unix socket", peer: UNIX, localPort: 0, set: OURS.slice(1, 3) },
  {
    title: "a client on a Unix socket that forges them",
    peer: UNIX,
    localPort: 0,
    lines: THEIRS,
    set: OURS.slice(1, 3),
    removed: ["x-forwarded-for", "x-forwarded-port", "forwarded"],
  },
  {
    title: "a client on a Unix socket, as RFC 7239",
    mode: "rfc7239",
    peer: UNIX,
    set: ['Forwarded: for=unknown;host="chat.example:8080";proto=http'],
  },
  {
    title: "a client that connected by TLS",
    mode: "both",
    proto: "https",
    localPort: 443,
    set: [
      ...OURS.slice(0, 2),
      "X-Forwarded-Proto: https",
      "X-Forwarded-Port: 443",
      'Forwarded: for=192.0.2.1;host="chat.example:8080";proto=https',
    ],
  },
  {
    title: "a trusted proxy that connected by TLS and reports a client over plain TCP",
    mode: "both",
    proto: "https",
    trusted: true,
    lines: ["X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: http"],
    set: [
      "X-Forwarded-For: 1.1.1.1, 192.0.2.1",
      "X-Forwarded-Host: chat.example:8080",
      "X-Forwarded-Port: 8080",
      'Forwarded: for=1.1.1.1;host="chat.example:8080";proto=http, for=192.0.2.1;host="chat.example:8080";proto=https',
    ],
  },
  { title: "a trusted proxy that reports nothing", trusted: true, localPort: 9, set: OURS },
  {
    title: "a trusted proxy that reports nothing, with a host without a port",
    trusted: true,
    host: "chat.example",
    set: [
      "X-Forwarded-For: 192.0.2.1",
      "X-Forwarded-Host: chat.example",
      "X-Forwarded-Proto: http",
      "X-Forwarded-Port: 80",
    ],
  },
  {
    title: "a trusted proxy that reports in X-Forwarded-For",
    trusted: true,
    lines: THEIRS,
    set: ["X-Forwarded-For: 1.1.1.1, 192.0.2.1"],
    removed: ["forwarded"],
  },
  {
    title: "a trusted proxy that reports in X-Forwarded-For, as RFC 7239",
    mode: "rfc7239",
    trusted: true,
    lines: [...THEIRS.slice(0, 4), "Forwarded: for=6.6.6.6"],
    set: [`Forwarded: for=1.1.1.1;host="evil.example";proto=https, ${OUR_ELEMENT}`],
  },
  {
    title: "a trusted proxy that reports in X-Forwarded-For, in both families",
    mode: "both",
    trusted: true,
    lines: [
      "X-Forwarded-For: 6.6.6.6, 2001:db8::7, 10.0.0.2",
      "X-Forwarded-For:",
      "X-Forwarded-For: 10.0.0.3",
      'Forwarded: for="',
    ],
    set: [
      "X-Forwarded-For: 6.6.6.6, 2001:db8::7, 10.0.0.2, 10.0.0.3, 192.0.2.1",
      ...OURS.slice(1),
      'Forwarded: for="[2001:db8::7]";host="chat.example:8080";proto=http, for=10.0.0.2, for=10.0.0.3, ' +
        OUR_ELEMENT,
    ],
  },
  {
    title: "a trusted proxy that reports in Forwarded",
    trusted: true,
    lines: [
      'Forwarded: for=6.6.6.6;proto=ws, for="[2001:db8::7]:4711";host=a.example;proto=https',
      "Forwarded: for=10.0.0.3;proto=http",
      "X-Forwarded-Host: evil.example",
      "X-Forwarded-Proto: http",
      "X-Forwarded-Port: 1",
      "X-Forwarded-Server: evil.example",
    ],
    set: [
      "X-Forwarded-For: 2001:db8::7, 10.0.0.3, 192.0.2.1",
      "X-Forwarded-Host: a.example",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Port: 443",
    ],
    removed: ["x-forwarded-server"],
  },
  {
    title: "a trusted proxy that reports in Forwarded, as RFC 7239",
    mode: "rfc7239",
    trusted: true,
    lines: [
      "Forwarded: for=6.6.6.6",
      "Forwarded:",
      "Forwarded: for=1.1.1.1;proto=https",
      "X-Forwarded-Proto: wss",
    ],
    set: [`Forwarded: for=6.6.6.6, for=1.1.1.1;proto=https, ${OUR_ELEMENT}`],
    removed: ["x-forwarded-proto"],
  },
  {
    title: "a trusted proxy that reports in Forwarded, in both families",
    mode: "both",
    trusted: true,
    lines: ['Forwarded: for=1.1.1.1;host="a.example:81";proto=https'],
    set: [
      "X-Forwarded-For: 1.1.1.1, 192.0.2.1",
      "X-Forwarded-Host: a.example:81",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Port: 81",
      `Forwarded: for=1.1.1.1;host="a.example:81";proto=https, ${OUR_ELEMENT}`,
    ],
  },
  {
    title: "a trusted proxy whose Forwarded has an unterminated quote in an unread part",
    trusted: true,
    lines: ['Forwarded: for="', "Forwarded: for=1.1.1.1"],
    set: ["X-Forwarded-For: 1.1.1.1, 192.0.2.1", ...OURS.slice(1)],
    removed: ["forwarded"],
  },
  {
    title: "a trusted proxy that reports only the scheme",
    mode: "both",
    trusted: true,
    host: "chat.example",
    lines: ["X-Forwarded-Proto: https", "X-Real-IP: 6.6.6.6", "X-Forwarded-Prefix: /admin"],
    set: [
      "X-Forwarded-For: 192.0.2.1",
      "X-Forwarded-Host: chat.example",
      "X-Forwarded-Port: 443",
      'Forwarded: for=192.0.2.1;host="chat.example";proto=https',
    ],
    removed: ["x-real-ip", "x-forwarded-prefix"],
  },
  {
    title: "a trusted proxy that reports only the host",
    trusted: true,
    lines: ["X-Forwarded-Host: a.example:81, [2001:db8::7]:82"],
    set: ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "X-Forwarded-Port: 82"],
  },
  {
    title: "a trusted proxy with IPv6 in its host and no port",
    trusted: true,
    lines: ["X-Forwarded-Host: [2001:db8::7]", "X-Forwarded-Proto: wss"],
    set: ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Port: 443"],
  },
  {
    title: "a trusted proxy with a scheme without a known port",
    trusted: true,
    host: "chat.example",
    lines: ["X-Forwarded-Proto: gopher"],
    set: ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Host: chat.example"],
  },
  {
    title: "a trusted proxy that reports only the port",
    trusted: true,
    lines: ["X-Forwarded-Port: 444"],
    set: OURS.slice(0, 3),
  },
  {
    title: "a trusted proxy with empty fields",
    trusted: true,
    lines: ["X-Forwarded-For:", "X-Forwarded-Host:", "X-Forwarded-Proto:", "X-Forwarded-Port:"],
    set: OURS,
  },
  {
    title: "a trusted proxy with other X-Forwarded fields",
    trusted: true,
    lines: ["X-Forwarded-For: 1.1.1.1", "X-Forwarded-User: ann", "X-Forwarded-Ssl: on"],
    set: ["X-Forwarded-For: 1.1.1.1, 192.0.2.1", ...OURS.slice(1)],
  },
  {
    title: "a trusted proxy on a Unix socket",
    mode: "both",
    trusted: true,
    peer: UNIX,
    localPort: 0,
    lines: THEIRS,
    set: [
      "X-Forwarded-For: 1.1.1.1",
      'Forwarded: for=1.1.1.1;host="evil.example";proto=https, for=unknown;host="chat.example:8080";proto=http',
    ],
  },
  {
    title: "a trusted proxy that passes names which a CGI backend confuses with them",
    trusted: true,
    lines: [
      "X_Forwarded_For: 1.1.1.1",
      "X-Forwarded-For: 2.2.2.2",
      "X_Real_IP: 1.1.1.1",
      "X-Forwarded_Host: evil.example",
    ],
    set: ["X-Forwarded-For: 2.2.2.2, 192.0.2.1", ...OURS.slice(1)],
    removed: ["x_forwarded_for", "x_real_ip", "x-forwarded_host"],
  },
  { title: "any peer if forwarding is off", mode: "off", lines: [...THEIRS, "X_Forwarded_For: 1"], set: [] },
]

for (const {
  title,
  mode = "x-forwarded",
  trusted = false,
  peer = CLIENT,
  localPort = 8080,
  host = "chat.example:8080",
  proto = "http",
  ...rest
} of cases) {
  t.test(`fields for ${title}`, async (t) => {
    const fields = fieldsOf(`Host: ${host}`, ...(rest.lines ?? []), "Upgrade: websocket")
    const facts = { peer, proto, report: reportIf(trusted, fields), host, localPort, fields }
    const expected = new Map((rest.removed ?? []).map((name) => [name, ""]))
    for (const line of rest.set) expected.set(line.slice(0, line.indexOf(":")).toLowerCase(), `${line}\r\n`)
    const sorted = (map: Map<string, string>) => [...map].sort()
    t.same(sorted(linesByName(forwardingEdits(mode, facts))), sorted(expected))
  })
}

t.test("nothing is appended to an unterminated quote in Forwarded", async (t) => {
  const facts = { peer: CLIENT, proto: "http", host: "a", localPort: 1, report: undefined } as const
  for (const value of ['for="', 'for="a\\"', 'for=1.1.1.1, by="x']) {
    // The list is read from the right, so the open quote matters only when something is appended.
    const fields = fieldsOf(`Forwarded: ${value}`, "Forwarded: for=203.0.113.9")
    for (const mode of ["rfc7239", "both"] as const) {
      const error = thrownBy(() =>
        forwardingEdits(mode, { ...facts, fields, report: reportIf(true, fields) }),
      )
      t.ok(error instanceof SessionEnd)
      t.match(error, { reason: "bad_forwarded", detail: "unterminated quoted string in Forwarded" })
      t.ok(forwardingEdits(mode, { ...facts, fields }), "an untrusted client's is replaced")
    }
  }
})

t.test("each edit is one complete line of its own name, for random fields", async (t) => {
  const random = seededRandom(6454)
  const names = [
    "X-Forwarded-For",
    "x_forwarded_for",
    "Forwarded",
    "X-Forwarded-Host",
    "X-Real-Ip",
    "Accept",
  ] as const
  const value = FIELD_VCHAR.replace('"', "")
  for (let round = 0; round < 2000; round++) {
    const lines = Array.from(
      { length: between(random, 0, 6) },
      () => `${oneOf(random, names)}: ${textOf(random, value, 0, 20)}`,
    )
    const isTrusted = oneOf(random, [true, false])
    const peer = oneOf(random, [CLIENT, CLIENT6, UNIX])
    const fields = fieldsOf(...lines)
    const report: ForwardingFacts["report"] = isTrusted
      ? {
          family: oneOf(random, ["x-forwarded", "forwarded"]),
          hops: oneOf(random, [[], [CLIENT6], [CLIENT, CLIENT6]]),
          host: oneOf(random, [undefined, "b.example:81"]),
          proto: oneOf(random, [undefined, "https"]),
        }
      : undefined
    const facts = { peer, proto: "http", report, host: "a.example", localPort: 80, fields } as const
    for (const mode of ["x-forwarded", "rfc7239", "both"] as const) {
      for (const { key: name, line } of forwardingEdits(mode, facts)) {
        const isWhole =
          line === "" || (/^[^\r\n\0]+\r\n$/.test(line) && line.toLowerCase().startsWith(`${name}: `))
        if (isWhole && name === name.toLowerCase()) continue
        t.fail(`round ${round}: ${JSON.stringify(line)}`)
        return
      }
    }
  }
  t.pass("every one")
})

t.test("no field of an untrusted peer that names a client is left", async (t) => {
  const random = seededRandom(3875)
  const word = (text: string) => oneOf(random, [text, text.toUpperCase()])
  for (let round = 0; round < 2000; round++) {
    const separator = () => oneOf(random, ["-", "_", ".", "~", "!"])
    const name = oneOf(random, [
      () => `${word("x")}${separator()}${word("forwarded")}${separator()}${textOf(random, "abc-_", 0, 6)}`,
      () => `${word("x")}${separator()}${word("real")}${separator()}${word("ip")}`,
      () => word("forwarded"),
    ])()
    const facts = {
      peer: CLIENT,
      proto: "http" as const,
      report: undefined,
      host: "a",
      localPort: 80,
      fields: fieldsOf(`${name}: 6.6.6.6`),
    }
    for (const mode of ["x-forwarded", "rfc7239", "both"] as const) {
      const line = linesByName(forwardingEdits(mode, facts)).get(name.toLowerCase())
      if (line !== undefined && !line.includes("6.6.6.6")) continue
      t.fail(`round ${round}: ${name} in ${mode}`)
      return
    }
  }
  t.pass("nothing")
})
