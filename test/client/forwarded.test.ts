import t from "tap"
import { type ForwardedMode, type ForwardingFacts, forwardedChanges } from "../../lib/client/forwarded.js"
import { SessionEnd } from "../../lib/close-reason.js"
import type { Field } from "../../lib/http/head.js"
import { FIELD_VCHAR } from "../support/ascii.js"
import { between, oneOf, seededRandom, textOf } from "../support/random.js"
import { thrownBy } from "../support/thrown.js"

const CLIENT = { ip: "192.0.2.1", port: 4711 }
const CLIENT6 = { ip: "2001:db8::1", port: 4711 }
const UNIX = { ip: "", port: 0 }

function fieldsOf(...lines: string[]): Field[] {
  return lines.map((line) => {
    const [name = "", ...value] = line.split(":")
    return { name: name.toLowerCase(), value: value.join(":").trim(), line: `${line}\r\n` }
  })
}

interface Case {
  readonly title: string
  readonly mode?: ForwardedMode
  readonly trusted?: boolean
  readonly peer?: ForwardingFacts["peer"]
  readonly localPort?: number
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
  { title: "a client without such fields, by RFC 7239", mode: "rfc7239", set: [`Forwarded: ${OUR_ELEMENT}`] },
  {
    title: "a client without such fields, both ways",
    mode: "both",
    set: [...OURS, `Forwarded: ${OUR_ELEMENT}`],
  },
  { title: "a client that forges them", lines: THEIRS, set: OURS, removed: ["forwarded"] },
  {
    title: "a client that forges them, by RFC 7239",
    mode: "rfc7239",
    lines: THEIRS,
    set: [`Forwarded: ${OUR_ELEMENT}`],
    removed: ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"],
  },
  {
    title: "a client that forges them, both ways",
    mode: "both",
    lines: THEIRS,
    set: [...OURS, `Forwarded: ${OUR_ELEMENT}`],
  },
  {
    title: "a client that forges their relatives",
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
    title: "a client that sends names which read the same to a CGI backend",
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
    title: "a client whose other fields only look alike",
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
    title: "a client with IPv6, by RFC 7239",
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
    title: "a client on a Unix socket, by RFC 7239",
    mode: "rfc7239",
    peer: UNIX,
    set: ['Forwarded: for=unknown;host="chat.example:8080";proto=http'],
  },
  { title: "a trusted proxy that says nothing", trusted: true, set: OURS },
  { title: "a trusted proxy", trusted: true, lines: THEIRS, set: ["X-Forwarded-For: 1.1.1.1, 192.0.2.1"] },
  {
    title: "a trusted proxy with lists over several fields",
    mode: "both",
    trusted: true,
    lines: [
      "X-Forwarded-For: 1.1.1.1, 2.2.2.2",
      "Forwarded: for=1.1.1.1",
      "X-Forwarded-For:",
      "X-Forwarded-For: 3.3.3.3",
      "Forwarded: for=2.2.2.2",
    ],
    set: [
      "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.1",
      ...OURS.slice(1),
      `Forwarded: for=1.1.1.1, for=2.2.2.2, ${OUR_ELEMENT}`,
    ],
  },
  {
    title: "a trusted proxy, by RFC 7239",
    mode: "rfc7239",
    trusted: true,
    lines: THEIRS,
    set: [`Forwarded: for=1.1.1.1, ${OUR_ELEMENT}`],
  },
  {
    title: "a trusted proxy that tells a part",
    trusted: true,
    lines: ["X-Forwarded-Proto: https", "X-Real-IP: 1.1.1.1"],
    set: [OURS[0] ?? "", OURS[1] ?? "", OURS[3] ?? ""],
  },
  {
    title: "a trusted proxy on a Unix socket",
    mode: "both",
    trusted: true,
    peer: UNIX,
    localPort: 0,
    lines: THEIRS,
    set: ['Forwarded: for=1.1.1.1, for=unknown;host="chat.example:8080";proto=http'],
  },
  {
    title: "a trusted proxy that lets names through which read the same to a CGI backend",
    trusted: true,
    lines: ["X_Forwarded_For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2", "X_Real_IP: 1.1.1.1"],
    set: ["X-Forwarded-For: 2.2.2.2, 192.0.2.1", ...OURS.slice(1)],
    removed: ["x_forwarded_for", "x_real_ip"],
  },
  { title: "anyone where it is off", mode: "off", lines: [...THEIRS, "X_Forwarded_For: 1"], set: [] },
]

for (const {
  title,
  mode = "x-forwarded",
  trusted = false,
  peer = CLIENT,
  localPort = 8080,
  ...rest
} of cases) {
  t.test(`the backend is told of ${title}`, async (t) => {
    const fields = fieldsOf("Host: chat.example:8080", ...(rest.lines ?? []), "Upgrade: websocket")
    const facts = { peer, isTrusted: trusted, host: "chat.example:8080", localPort, fields }
    const expected = new Map((rest.removed ?? []).map((name) => [name, ""]))
    for (const line of rest.set) expected.set(line.slice(0, line.indexOf(":")).toLowerCase(), `${line}\r\n`)
    const sorted = (map: Map<string, string>) => [...map].sort()
    t.same(sorted(forwardedChanges(mode, facts)), sorted(expected))
  })
}

for (const value of ['for="', 'for="a\\"', 'for=1.1.1.1, by="x']) {
  t.test(`nothing is appended to the open quote of Forwarded: ${value}`, async (t) => {
    const facts = { peer: CLIENT, host: "a", localPort: 1, fields: fieldsOf(`Forwarded: ${value}`) }
    for (const mode of ["rfc7239", "both"] as const) {
      const error = thrownBy(() => forwardedChanges(mode, { ...facts, isTrusted: true }))
      t.ok(error instanceof SessionEnd)
      t.match(error, { reason: "bad_forwarded", detail: "a quoted string in Forwarded has no end" })
      t.ok(forwardedChanges(mode, { ...facts, isTrusted: false }))
    }
  })
}

t.test("each change is whole lines of its own name, whatever came", async (t) => {
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
    const facts = { peer, isTrusted, host: "a.example", localPort: 80, fields: fieldsOf(...lines) }
    for (const mode of ["x-forwarded", "rfc7239", "both"] as const) {
      for (const [name, line] of forwardedChanges(mode, facts)) {
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

t.test("of what a stranger sent nothing that names a client is left", async (t) => {
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
      isTrusted: false,
      host: "a",
      localPort: 80,
      fields: fieldsOf(`${name}: 6.6.6.6`),
    }
    for (const mode of ["x-forwarded", "rfc7239", "both"] as const) {
      const line = forwardedChanges(mode, facts).get(name.toLowerCase())
      if (line !== undefined && !line.includes("6.6.6.6")) continue
      t.fail(`round ${round}: ${name} in ${mode}`)
      return
    }
  }
  t.pass("nothing")
})
