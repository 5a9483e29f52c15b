import t from "tap"
import {
  type Address,
  AddressError,
  formatAddress,
  formatHostPort,
  isHostField,
  parseBindAddress,
} from "../../lib/address/address.js"
import { range } from "../support/http/ascii.js"
import { thrownBy } from "../support/project/thrown.js"

const tcp = (host: string, port: number): Address => ({ kind: "tcp", host, port })
const unix = (path: string): Address => ({ kind: "unix", path })

const addresses: { text: string; address: Address }[] = [
  { text: "0.0.0.0:8080", address: tcp("0.0.0.0", 8080) },
  { text: "127.0.0.1:1", address: tcp("127.0.0.1", 1) },
  { text: "localhost:65535", address: tcp("localhost", 65535) },
  { text: "chat-1.example.:9000", address: tcp("chat-1.example.", 9000) },
  { text: "chat_backend:9000", address: tcp("chat_backend", 9000) },
  { text: "[::]:8080", address: tcp("::", 8080) },
  { text: "[::1]:8080", address: tcp("::1", 8080) },
  { text: "[2001:db8::ffff:1.2.3.4]:8080", address: tcp("2001:db8::ffff:1.2.3.4", 8080) },
  { text: "unix:/run/rws.sock", address: unix("/run/rws.sock") },
  { text: "unix:/a b/c:9000", address: unix("/a b/c:9000") },
]

for (const { text, address } of addresses) {
  t.test(`${text} is an address to bind`, async (t) => {
    t.same(parseBindAddress(text), address)
  })

  t.test(`${text} is formatted as it was parsed`, async (t) => {
    t.equal(formatAddress(address), text)
  })
}

t.test("port 0 binds any free port", async (t) => {
  t.same(parseBindAddress("127.0.0.1:0"), tcp("127.0.0.1", 0))
  t.same(parseBindAddress("[::1]:0"), tcp("::1", 0))
})

const FORMS = /: expected host:port, \[v6\]:port or unix:\/path$/

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
  "ws://localhost:80",
  "http://localhost:80",
  "wss://localhost:80",
  "tcp://localhost:80",
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
]

for (const text of invalid) {
  t.test(
    `${JSON.stringify(text)} is refused as an address, and the error shows it and what is expected`,
    async (t) => {
      const error = thrownBy(() => parseBindAddress(text))
      t.type(error, AddressError)
      t.match(error, { message: FORMS })
      t.match(error, { message: `"${text}"` })
    },
  )
}

for (const text of ["localhost:65536", "[::1]:99999"]) {
  t.test(`the port of ${text} is refused`, async (t) => {
    const error = thrownBy(() => parseBindAddress(text))
    t.type(error, AddressError)
    t.match(error, { message: /port \d+ is out of range \(0–65535\)/ })
  })
}

for (const text of [
  "unix:",
  "unix:rws.sock",
  "unix:./rws.sock",
  "unix:../rws.sock",
  "unix:/run/\0.sock",
  "unix:@abstract",
]) {
  t.test(`${JSON.stringify(text)} is refused because its path is not absolute`, async (t) => {
    const error = thrownBy(() => parseBindAddress(text))
    t.type(error, AddressError)
    t.match(error, { message: /absolute path/ })
  })
}

t.test("address errors have a class of their own", async (t) => {
  t.match(
    thrownBy(() => parseBindAddress("x")),
    { name: "AddressError" },
  )
})

t.test("a host and port are formatted with brackets for IPv6 only", async (t) => {
  t.equal(formatHostPort("127.0.0.1", 80), "127.0.0.1:80")
  t.equal(formatHostPort("chat.example", 80), "chat.example:80")
  t.equal(formatHostPort("::ffff:127.0.0.1", 80), "[::ffff:127.0.0.1]:80")
})

t.test("a Host field accepts no delimiters or ambiguous characters", async (t) => {
  const allowed = Array.from(range(0x00, 0xff)).filter((character) => isHostField(`a${character}b`))
  t.same(allowed.join(""), "!$&'()*+,-.0123456789;=ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~")
})

t.test("only an IPv6 address is valid in the brackets of a Host field", async (t) => {
  for (const host of ["[::1]", "[::1]:80", "[2001:db8::1.2.3.4]"]) t.equal(isHostField(host), true, host)
  for (const host of ["[1::2::3]", "[1.2.3.4]", "[::1.2.3]", "[]", "[::1]80"])
    t.equal(isHostField(host), false, host)
})

t.test("a Host field of a million digits is checked in linear time", async (t) => {
  // Quadratic time would exceed the test timeout.
  t.equal(isHostField(`${"1".repeat(1_000_000)}@`), false)
  t.equal(isHostField("1".repeat(1_000_000)), true)
  t.equal(isHostField(`a:${"1".repeat(1_000_000)}`), false)
  t.equal(isHostField(`[${"1".repeat(1_000_000)}`), false)
})
