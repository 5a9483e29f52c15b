import t from "tap"
import { parseHex, toHex } from "../../../lib/admin/page/client/hex.js"
import { socketUrl } from "../../../lib/admin/page/client/socket-url.js"

for (const [text, bytes] of [
  ["", []],
  ["00ff10", [0, 255, 16]],
  [" 00 Ff\n1 0 ", [0, 255, 16]],
  ["0", undefined],
  ["0x00", undefined],
  ["zz", undefined],
] as const) {
  t.test(`binary input ${JSON.stringify(text)}`, async (t) => {
    t.same(parseHex(text), bytes && new Uint8Array(bytes))
  })
}

t.test("bytes are shown as pairs of hex digits", async (t) => {
  t.equal(toHex(new Uint8Array([0, 9, 255])), "00 09 ff")
  t.equal(toHex(new Uint8Array()), "")
})

for (const [address, url] of [
  ["127.0.0.1:8080", "ws://127.0.0.1:8080/"],
  ["[::1]:8080", "ws://[::1]:8080/"],
  ["localhost:80", "ws://localhost:80/"],
  ["0.0.0.0:8080", "ws://proxy.example:8080/"],
  ["[::]:8080", "ws://proxy.example:8080/"],
  ["unix:/run/rws.sock", undefined],
] as const) {
  t.test(`a page of proxy.example reaches a listener on ${address} by ${url}`, async (t) => {
    t.equal(socketUrl(address, "proxy.example"), url)
  })
}
