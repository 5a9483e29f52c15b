import t from "tap"
import { type Address, parseBindAddress } from "../../lib/address/address.js"
import { Guard, type GuardedFields } from "../../lib/admin/guard.js"

const LOOPBACK = parseBindAddress("127.0.0.1:9600")
const NAMED = parseBindAddress("rws.internal:9600")
const UNIX = parseBindAddress("unix:/run/rws/admin.sock")
const TOKEN = "correct horse battery staple"

interface Case {
  readonly title: string
  readonly bind?: Address
  readonly token?: string
  readonly fields: GuardedFields
  readonly isPublic?: boolean
  readonly status?: number
}

const cases: readonly Case[] = [
  { title: "the bound address as Host is allowed", fields: { host: "127.0.0.1:9600" } },
  { title: "a forwarded port is allowed", fields: { host: "127.0.0.1:8080" } },
  { title: "localhost is allowed", fields: { host: "LocalHost:9600" } },
  { title: "a name below localhost is allowed", fields: { host: "rws.localhost:9600" } },
  { title: "an IPv6 address is allowed", fields: { host: "[::1]:9600" } },
  { title: "another name as Host is refused", fields: { host: "evil.example:9600" }, status: 403 },
  { title: "a name that ends like localhost is refused", fields: { host: "notlocalhost" }, status: 403 },
  {
    title: "a name that begins like an address is refused",
    fields: { host: "127.0.0.1.nip.io" },
    status: 403,
  },
  { title: "no Host is refused", fields: {}, status: 403 },
  { title: "an invalid Host is refused", fields: { host: "127.0.0.1:9600 evil" }, status: 403 },
  { title: "the bound name is allowed", bind: NAMED, fields: { host: "RWS.internal:9600" } },
  { title: "a Unix socket allows localhost", bind: UNIX, fields: { host: "localhost" } },
  { title: "a port forwarded to a Unix socket is allowed", bind: UNIX, fields: { host: "127.0.0.1:9600" } },
  {
    title: "a Unix socket refuses another name, which may be rebound to a forwarded port",
    bind: UNIX,
    fields: { host: "evil.example:9600" },
    status: 403,
  },
  { title: "no Host is refused on a Unix socket", bind: UNIX, fields: {}, status: 403 },
  {
    title: "a Unix socket with a token allows any Host",
    bind: UNIX,
    token: "secret",
    fields: { host: "whatever", authorization: "Bearer secret" },
  },
  {
    title: "the same origin is allowed",
    fields: { host: "127.0.0.1:9600", origin: "http://127.0.0.1:9600" },
  },
  {
    title: "the same origin behind TLS is allowed",
    fields: { host: "127.0.0.1:9600", origin: "https://127.0.0.1:9600" },
  },
  {
    title: "another origin is refused",
    fields: { host: "127.0.0.1:9600", origin: "http://evil.example" },
    status: 403,
  },
  {
    title: "another port of the same host is another origin",
    fields: { host: "127.0.0.1:9600", origin: "http://127.0.0.1:3000" },
    status: 403,
  },
  {
    title: "an opaque origin is refused",
    fields: { host: "127.0.0.1:9600", origin: "null" },
    status: 403,
  },
  {
    title: "another origin is refused on a public route too",
    fields: { host: "127.0.0.1:9600", origin: "http://evil.example" },
    isPublic: true,
    status: 403,
  },
  {
    title: "the token is allowed",
    token: TOKEN.replaceAll(" ", "-"),
    fields: { host: "anything.example", authorization: `Bearer ${TOKEN.replaceAll(" ", "-")}` },
  },
  { title: "without the token there is a 401", token: "secret", fields: { host: "127.0.0.1" }, status: 401 },
  {
    title: "another token is refused",
    token: "secret",
    fields: { host: "127.0.0.1", authorization: "Bearer secres" },
    status: 401,
  },
  {
    title: "the beginning of the token is refused",
    token: "secret",
    fields: { host: "127.0.0.1", authorization: "Bearer secre" },
    status: 401,
  },
  {
    title: "another scheme is refused",
    token: "secret",
    fields: { host: "127.0.0.1", authorization: "Basic secret" },
    status: 401,
  },
  {
    title: "a GET that another page sends without Origin is refused",
    fields: { host: "127.0.0.1", "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" },
    status: 403,
  },
  {
    title: "a GET of a page on another port of the same host is refused",
    fields: { host: "127.0.0.1", "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" },
    status: 403,
  },
  {
    title: "a link on another page may be followed",
    fields: { host: "127.0.0.1", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
  },
  {
    title: "a GET of the page itself is accepted",
    fields: { host: "127.0.0.1", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" },
  },
  {
    title: "a public route needs no token",
    token: "secret",
    fields: { host: "127.0.0.1" },
    isPublic: true,
  },
]

for (const { title, bind = LOOPBACK, token, fields, isPublic, status } of cases) {
  t.test(title, async (t) => {
    t.equal(new Guard(bind, token).faultOf(fields, isPublic)?.status, status)
  })
}
