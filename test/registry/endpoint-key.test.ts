import t from "tap"
import { SessionEnd } from "../../lib/close-reason.js"
import { parseEndpointKey } from "../../lib/registry/endpoint-key.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { thrownBy } from "../support/project/thrown.js"

interface Case {
  readonly key: string
  readonly path: string
  readonly fields?: readonly (readonly [string, string])[]
  readonly host?: string
  /** Undefined: `no_endpoint_key`. */
  readonly is?: string
  /** The path without the key. Default: unchanged. */
  readonly rest?: string
}

const CASES: readonly Case[] = [
  { key: "query:id", path: "/chat?id=ep1", is: "ep1", rest: "/chat" },
  { key: "query:id", path: "/chat?a=1&id=ep1&b=2", is: "ep1", rest: "/chat?a=1&b=2" },
  { key: "query:id", path: "/chat?id=a%2Fb+c", is: "a/b c", rest: "/chat" },
  { key: "query:id", path: "/chat?%69d=ep1", is: "ep1", rest: "/chat" },
  { key: "query:id", path: "/chat?id=ep1&id=ep1", is: "ep1", rest: "/chat" },
  { key: "query:id", path: "/chat?id=ep1&id=ep2" },
  { key: "query:id", path: "/chat?id=ep1&%69d=ep2" },
  { key: "query:id", path: "/chat?id=" },
  { key: "query:id", path: "/chat?ID=ep1" },
  { key: "query:id", path: "/chat" },
  { key: "query:id", path: "/chat?id=%00" },
  { key: "query:id", path: "/chat?id=a%0d%0ab" },
  { key: "query:id", path: "/chat?id=a%C2%85b" },
  { key: "query:id", path: "/chat?id=.." },
  { key: "query:id", path: "/chat?id=%2e" },
  { key: "query:id", path: "/chat?id=..%2Fx", is: "../x", rest: "/chat" },
  { key: "query:id", path: `/chat?id=${"x".repeat(128)}`, is: "x".repeat(128), rest: "/chat" },
  { key: "query:id", path: `/chat?id=${"x".repeat(129)}` },
  { key: "query:id", path: "/chat?id=__proto__", is: "__proto__", rest: "/chat" },
  { key: "header:X-Endpoint", path: "/chat", fields: [["X-Endpoint", "ep1"]], is: "ep1" },
  { key: "header:x-endpoint", path: "/chat", fields: [["X-Endpoint", "ep1"]], is: "ep1" },
  { key: "header:X-Endpoint", path: "/chat", fields: [] },
  {
    key: "header:X-Endpoint",
    path: "/chat",
    fields: [
      ["X-Endpoint", "ep1"],
      ["x-endpoint", "ep2"],
    ],
  },
  { key: "path:1", path: "/ep1/chat?a=1", is: "ep1", rest: "/chat?a=1" },
  { key: "path:2", path: "/v1/ep1/chat", is: "ep1", rest: "/v1/chat" },
  { key: "path:1", path: "/ep1", is: "ep1", rest: "/" },
  { key: "path:1", path: "/ep1/", is: "ep1", rest: "/" },
  { key: "path:1", path: "/ep1?a=/b", is: "ep1", rest: "/?a=/b" },
  { key: "path:1", path: "/ep1//evil.example/x", is: "ep1", rest: "/evil.example/x" },
  { key: "path:1", path: "/ep1/\\evil.example", is: "ep1", rest: "/evil.example" },
  { key: "path:1", path: "/a%2Fb/chat", is: "a/b", rest: "/chat" },
  { key: "path:1", path: "/%ff/chat" },
  { key: "path:1", path: "/%zz/chat" },
  { key: "path:1", path: "/../chat" },
  { key: "path:1", path: "/%2e%2e/chat" },
  { key: "path:1", path: "//chat" },
  { key: "path:1", path: "/" },
  { key: "path:3", path: "/a/b" },
  { key: "host:1", path: "/", host: "ep1.rws.example:8080", is: "ep1" },
  { key: "host:1", path: "/", host: "EP1.rws.example", is: "ep1" },
  { key: "host:2", path: "/", host: "www.ep1.example", is: "ep1" },
  { key: "host:4", path: "/", host: "a.b.c" },
  { key: "host:1", path: "/", host: "[::1]:80" },
]

for (const { key, path, fields = [], host = "chat.example", is, rest = path } of CASES) {
  t.test(`the ${key} of ${path} at ${host} is ${is ?? "none"}`, async (t) => {
    const reader = parseEndpointKey(key)
    const request = { ...poolRequest(path, ...fields), host }
    if (is === undefined) {
      t.match(
        thrownBy(() => reader.read(request, path)),
        { reason: "no_endpoint_key" },
      )
      t.ok(thrownBy(() => reader.read(request, path)) instanceof SessionEnd)
      return
    }
    t.equal(reader.read(request, path), is)
    t.equal(reader.removeFrom(path), rest)
  })
}

t.test("a field that has the key is removed", async (t) => {
  t.match(parseEndpointKey("header:X-Endpoint").edits, [{ action: "remove", key: "x-endpoint" }])
  t.same(parseEndpointKey("query:id").edits, [])
})

const INVALID: readonly string[] = [
  ...[
    "",
    "id",
    "query:",
    "header:",
    "path:",
    "path:0",
    "path:-1",
    "path:01",
    "path:1.5",
    "path:101",
    "host:x",
  ],
  ...["cookie:id", "header:a b", "header:Upgrade", "header:Sec-WebSocket-Key", "Query:id"],
]

for (const text of INVALID) {
  t.test(`"${text}" is not a registry_key`, async (t) => {
    t.ok(thrownBy(() => parseEndpointKey(text)) instanceof SettingError)
  })
}

t.test("a label of the Host is advised where the whole Host would be the key", async (t) => {
  t.match(
    thrownBy(() => parseEndpointKey("header:Host")),
    { message: /: use "host:N"/ },
  )
})
