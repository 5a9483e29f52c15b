import t from "tap"
import { type Address, AddressError, isHostField } from "../../lib/address/address.js"
import { parseBackendAddress, toAddressText } from "../../lib/address/backend-address.js"
import { thrownBy } from "../support/project/thrown.js"

const tcp = (host: string, port: number): Address => ({ kind: "tcp", host, port })
const unix = (path: string): Address => ({ kind: "unix", path })
/** Where a backend is, without the names that its address has by itself. */
type Place = { readonly address: Address; readonly isTls: boolean; readonly basePath: string }
const plain = (address: Address, basePath = ""): Place => ({ address, isTls: false, basePath })
const tls = (address: Address, basePath = ""): Place => ({ address, isTls: true, basePath })

/** `host` is the Host that the backend gets. */
const valid: { text: string; backend: Place; host: string }[] = [
  { text: "127.0.0.1:1", backend: plain(tcp("127.0.0.1", 1)), host: "127.0.0.1:1" },
  { text: "localhost:65535", backend: plain(tcp("localhost", 65535)), host: "localhost:65535" },
  { text: "localhost:80", backend: plain(tcp("localhost", 80)), host: "localhost" },
  { text: "localhost:443", backend: plain(tcp("localhost", 443)), host: "localhost:443" },
  { text: "localhost:8080", backend: plain(tcp("localhost", 8080)), host: "localhost:8080" },
  {
    text: "chat-1.example.:9000",
    backend: plain(tcp("chat-1.example.", 9000)),
    host: "chat-1.example.:9000",
  },
  { text: "chat_backend:9000", backend: plain(tcp("chat_backend", 9000)), host: "chat_backend:9000" },
  { text: "[::1]:9000", backend: plain(tcp("::1", 9000)), host: "[::1]:9000" },
  { text: "[::1]:80", backend: plain(tcp("::1", 80)), host: "[::1]" },
  {
    text: "[2001:db8::ffff:1.2.3.4]:9",
    backend: plain(tcp("2001:db8::ffff:1.2.3.4", 9)),
    host: "[2001:db8::ffff:1.2.3.4]:9",
  },
  { text: "[fe80::1%eth0]:9000", backend: plain(tcp("fe80::1%eth0", 9000)), host: "[fe80::1]:9000" },
  { text: "unix:/run/rws.sock", backend: plain(unix("/run/rws.sock")), host: "localhost" },
  { text: "unix:/a b/c:9000", backend: plain(unix("/a b/c:9000")), host: "localhost" },
  { text: "ws:80", backend: plain(tcp("ws", 80)), host: "ws" },

  { text: "ws://chat.example", backend: plain(tcp("chat.example", 80)), host: "chat.example" },
  { text: "ws://chat.example/", backend: plain(tcp("chat.example", 80)), host: "chat.example" },
  { text: "ws://chat.example:80", backend: plain(tcp("chat.example", 80)), host: "chat.example" },
  { text: "ws://chat.example:443", backend: plain(tcp("chat.example", 443)), host: "chat.example:443" },
  { text: "ws://chat.example:9000/", backend: plain(tcp("chat.example", 9000)), host: "chat.example:9000" },
  { text: "WS://Chat.Example:9000", backend: plain(tcp("Chat.Example", 9000)), host: "Chat.Example:9000" },
  { text: "http://chat.example", backend: plain(tcp("chat.example", 80)), host: "chat.example" },
  { text: "HTTP://chat.example:9000", backend: plain(tcp("chat.example", 9000)), host: "chat.example:9000" },
  { text: "wss://chat.example", backend: tls(tcp("chat.example", 443)), host: "chat.example" },
  { text: "wss://chat.example/", backend: tls(tcp("chat.example", 443)), host: "chat.example" },
  { text: "wss://chat.example:443", backend: tls(tcp("chat.example", 443)), host: "chat.example" },
  { text: "wss://chat.example:80", backend: tls(tcp("chat.example", 80)), host: "chat.example:80" },
  { text: "wss://chat.example:4430", backend: tls(tcp("chat.example", 4430)), host: "chat.example:4430" },
  { text: "https://chat.example", backend: tls(tcp("chat.example", 443)), host: "chat.example" },
  { text: "HttpS://chat.example:9443", backend: tls(tcp("chat.example", 9443)), host: "chat.example:9443" },
  { text: "ws://127.0.0.1", backend: plain(tcp("127.0.0.1", 80)), host: "127.0.0.1" },
  { text: "ws://[::1]", backend: plain(tcp("::1", 80)), host: "[::1]" },
  { text: "wss://[::1]/", backend: tls(tcp("::1", 443)), host: "[::1]" },
  { text: "ws://[::1]:9000", backend: plain(tcp("::1", 9000)), host: "[::1]:9000" },
  { text: "ws://[fe80::1%25eth0]:9000", backend: plain(tcp("fe80::1%eth0", 9000)), host: "[fe80::1]:9000" },

  { text: "ws://h/base", backend: plain(tcp("h", 80), "/base"), host: "h" },
  { text: "ws://h/base/", backend: plain(tcp("h", 80), "/base"), host: "h" },
  { text: "wss://h:9000/a/b", backend: tls(tcp("h", 9000), "/a/b"), host: "h:9000" },
  { text: "ws://h/a%2Fb", backend: plain(tcp("h", 80), "/a%2Fb"), host: "h" },
  { text: "ws://h/a;b=c,d:e@f", backend: plain(tcp("h", 80), "/a;b=c,d:e@f"), host: "h" },
  { text: "ws://h/...", backend: plain(tcp("h", 80), "/..."), host: "h" },
  { text: "ws://h/.a", backend: plain(tcp("h", 80), "/.a"), host: "h" },
]

for (const { text, backend, host } of valid) {
  t.test(`${text} is the address of a backend, which gets the Host ${host}`, async (t) => {
    const { authority, serverName, ...place } = parseBackendAddress(text)
    t.same(place, backend)
    t.equal(authority, host)
    t.equal(serverName, place.address.kind === "tcp" ? place.address.host : `unix:${place.address.path}`)
    t.equal(isHostField(host), true)
  })
}

const invalid = [
  "",
  " ",
  "8080",
  ":8080",
  "*:8080",
  "localhost",
  "localhost:",
  "localhost:x",
  "localhost:80x",
  "localhost:+80",
  "localhost:-1",
  "localhost:8 0",
  "localhost: 80",
  " localhost:80",
  "localhost:80 ",
  "localhost:80\n",
  "localhost:80\r\nX: y",
  "local host:80",
  "localhost:123456",
  "localhost:80:80",
  "user@localhost:80",
  "localhost:80/path",
  "tcp://localhost:80",
  "ftp://localhost",
  "wsss://localhost",
  "ws:/localhost",
  "//localhost:80",
  "::1:80",
  "[::1]",
  "[::1]80",
  "[::1]:",
  "[]:80",
  "[1.2.3.4]:80",
  "[localhost]:80",
  "[::g]:80",
  "[::1:80",
  "::1]:80",
  "b\xfccher.example:80",
  "ws://",
  "ws:///",
  "wss:///path",
  "ws://:9000",
  "ws://chat.example?x",
  "ws://chat.example/?x",
  "ws://chat.example/path#x",
  "ws://chat.example:",
  "ws://chat.example:123456",
  "ws://chat.example:80:80",
  "ws://::1",
  "ws://[::1",
  "ws://[::1]9000",
  "ws://chat.example /",
  "ws://chat%2eexample",
  "ws://unix",
  "ws://unix:9000",
  "ws://unix:/run/a.sock",
  "ws://ws://a",
]

const FORMS =
  /: expected host:port, \[v6\]:port, ws:\/\/host\[:port\]\[\/path\], wss:\/\/host\[:port\]\[\/path\] or unix:\/path$/

for (const text of invalid) {
  t.test(
    `${JSON.stringify(text)} is refused as a backend address, and the error shows it and what is expected`,
    async (t) => {
      const error = thrownBy(() => parseBackendAddress(text))
      t.type(error, AddressError)
      t.match(error, { message: FORMS })
      t.match(error, { message: `"${text}"` })
    },
  )
}

for (const path of [
  "//",
  "//a",
  "/a//",
  "/a//b",
  "/.",
  "/..",
  "/./",
  "/a/..",
  "/a/../b",
  "/%2e",
  "/a/.%2E/b",
  "/%2e%2e/",
  "/%",
  "/%2",
  "/%zz",
  "/a b",
  "/a\\b",
  "/a\n",
  '/"',
  "/b\xfccher",
]) {
  t.test(`a backend can't have the base path ${JSON.stringify(path)}`, async (t) => {
    const text = `ws://chat.example${path}`
    const error = thrownBy(() => parseBackendAddress(text))
    t.type(error, AddressError)
    t.match(error, { message: `"${text}" has an invalid path: expected` })
  })
}

for (const text of [
  "localhost:65536",
  "localhost:0",
  "[::1]:99999",
  "ws://localhost:0",
  "wss://localhost:65536/a",
]) {
  t.test(`the port of the backend ${text} is refused`, async (t) => {
    const error = thrownBy(() => parseBackendAddress(text))
    t.type(error, AddressError)
    t.match(error, { message: /^"[^"]+": port \d+ is out of range \(1–65535\)$/ })
  })
}

for (const text of ["unix:", "unix:rws.sock", "unix:./rws.sock", "unix:/run/\0.sock", "unix:@abstract"]) {
  t.test(`the backend ${JSON.stringify(text)} is refused because its path is not absolute`, async (t) => {
    const error = thrownBy(() => parseBackendAddress(text))
    t.type(error, AddressError)
    t.match(error, { message: /absolute path/ })
  })
}

for (const text of ["ws://user:hunter2@chat.example:9000", "https://hunter2@chat.example/base"]) {
  t.test("a URL with a user or password is refused, and the error does not show it", async (t) => {
    const error = thrownBy(() => parseBackendAddress(text))
    t.type(error, AddressError)
    t.match(error, { message: /request_headers/ })
    t.notMatch(error, { message: /hunter2/ })
  })
}

const URLS: [url: string, text: string][] = [
  ["ws://chat.example:9000", "ws://chat.example:9000"],
  ["WSS://Chat.Example", "wss://chat.example"],
  ["https://chat.example:443/", "https://chat.example"],
  ["ws://[::1]:9000/base/", "ws://[::1]:9000/base/"],
  ["ws://chat.example/?a=1", "ws://chat.example/?a=1"],
  ["ws://chat.example/#a", "ws://chat.example/#a"],
  ["unix:/run/chat.sock", "unix:/run/chat.sock"],
]

for (const [url, text] of URLS) {
  t.test(`a URL object for ${url} is an address as text`, async (t) => {
    t.equal(toAddressText(new URL(url)), text)
    t.equal(toAddressText(url), url, "text stays as it is")
  })
}
