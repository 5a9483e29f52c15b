/**
 * An authorization service gets neither the token that rws has checked nor the fields that a client forges.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import t, { type Test } from "tap"
import { createProxy } from "../../lib/index.js"
import { startHttpService } from "../support/access/http-service.js"
import { makeKey, signToken } from "../support/access/tokens.js"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"

const KEY = makeKey("k1")

/** What the service gets of a request with a token in its query. */
async function askedWith(t: Test, fields: Fields) {
  const file = join(socketFolder(t), "key.pem")
  writeFileSync(file, KEY.pem)
  let asked: string[] = []
  const service = await startHttpService(t, (request, response) => {
    asked = request.rawHeaders
    response.end()
  })
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer).catch(() => {}))
  const jwt = { key_files: [file], from: ["query:token"], claims_to_headers: { sub: "X-User" } }
  const forward_auth = { url: service.origin, request_headers: ["X-User"] }
  const listener = { bind: "127.0.0.1:0", backends: [backend.address], jwt, forward_auth }
  const proxy = await createProxy({ ws_proxy: [listener] })
  t.teardown(() => proxy.close(0))
  const token = await signToken(KEY, { exp: Math.floor(Date.now() / 1000) + 60, sub: "ada" })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead(fields, `GET /chat?token=${token}&room=1 HTTP/1.1`))
  await client.untilText("\r\n\r\n")
  return { asked, token }
}

t.test("a token in the query does not reach the authorization service", async (t) => {
  const { asked, token } = await askedWith(t, {})
  t.ok(asked.includes("/chat?room=1"))
  t.notMatch(asked.join("\n"), token)
})

t.test("the authorization service does not get a forged field of a claim", async (t) => {
  const { asked } = await askedWith(t, { "X-User": "root" })
  t.ok(asked.includes("X-Forwarded-Uri"))
  t.notOk(asked.includes("root"))
})
