/** A refused target may contain a password. Logs and events show only its path. */
import t from "tap"
import { createProxy } from "../../lib/index.js"
import { upgradeHead } from "../support/http/heads.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { collectLog } from "../support/program/log-lines.js"
import { nextRefusal } from "../support/program/proxy.js"

const targets: readonly { method?: string; target: string; path: string | undefined }[] = [
  { target: "ws://user:secret@chat.example/path#secret", path: "/path" },
  { target: "ws://user:secret@chat.example/path?token=secret", path: "/path" },
  { target: "http://user:secret@chat.example", path: "/" },
  { target: "/path#secret", path: "/path" },
  { target: "/path?token=secret#secret", path: "/path" },
  { method: "CONNECT", target: "secret:443", path: undefined },
  { method: "OPTIONS", target: "*", path: "*" },
]

for (const { method = "GET", target, path } of targets) {
  t.test(`for ${method} ${target}, the path ${path} is logged`, async (t) => {
    const { log, lines } = collectLog("trace")
    const proxy = await createProxy(
      { ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:9"] }] },
      { log },
    )
    t.teardown(() => proxy.close(0))
    const refusal = nextRefusal(proxy)
    const client = await RawPeer.connect(proxy.address())
    await client.write(upgradeHead({}, `${method} ${target} HTTP/1.1`)).untilEnd()
    const summary = await refusal
    t.equal(summary.status, 400)
    t.equal(summary.path, path)
    const line = lines.find(({ msg }) => msg === "session refused")
    t.equal(line?.path, path)
    t.notMatch(JSON.stringify([lines, summary]), /secret/)
  })
}

t.test("a long path is logged truncated to 1024 characters, and marked as such", async (t) => {
  const { log, lines } = collectLog()
  const proxy = await createProxy({ ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:9"] }] }, { log })
  t.teardown(() => proxy.close(0))
  const refusal = nextRefusal(proxy)
  const client = await RawPeer.connect(proxy.address())
  await client.write(upgradeHead({}, `GET /${"a".repeat(5000)} HTTP/1.1`)).untilEnd()
  const path = `/${"a".repeat(1022)}\u2026`
  t.match(await refusal, { reason: "backend_unreachable", path })
  t.match(
    lines.find(({ msg }) => msg === "session refused"),
    { path },
  )
})
