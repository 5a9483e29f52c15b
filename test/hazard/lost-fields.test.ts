/** Node.js keeps only so many fields of a request. What it drops, a backend must not miss unnoticed. */
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { attach } from "../support/program/attached.js"

t.test("a request with more fields than Node.js keeps is refused, or all of them count", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer).catch(() => {}))
  const attached = await attach(t, {
    backends: [backend.address],
    trusted_proxies: ["127.0.0.1"],
    trace_headers: false,
  })
  const client = await attached.connect()
  // As a proxy in front does that adds its own line behind the client's.
  const many = "a:\r\n".repeat(1100)
  const head = upgradeHead({ "X-Forwarded-For": "203.0.113.7" }).slice(0, -2)
  client.write(`${head}${many}X-Forwarded-For: 198.51.100.1\r\n\r\n`)
  await client.untilText("\r\n\r\n")
  if (!client.text.startsWith("HTTP/1.1 101 ")) return
  const { text } = await backend.peer()
  t.match(text, /^X-Forwarded-For: .*198\.51\.100\.1/m)
})
