/** A client can't pass for somebody else by sending the fields in which a backend expects its user. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import t from "tap"
import { createProxy, type ListenerConfig } from "../../lib/index.js"
import { startHttpService } from "../support/access/http-service.js"
import { makeKey, signToken } from "../support/access/tokens.js"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"

const KEY = makeKey("k1")

/** Each is read as HTTP_X_USER or HTTP_X_ROLES by some server. */
const FORGED: Fields = {
  "X-User": "root",
  "x-user": ["root", "root"],
  X_User: "root",
  "x.user": "root",
  "X-Roles": "admin",
  X_ROLES: "admin",
}

for (const missing of [false, true]) {
  const title = missing ? "removed if there is no other value" : "replaced"
  t.test(`forged fields of claims and of an authorization service are ${title}`, async (t) => {
    const file = join(socketFolder(t), "key.pem")
    writeFileSync(file, KEY.pem)
    const service = await startHttpService(t, (_request, response) => {
      if (!missing) response.setHeader("X-Roles", "guest")
      response.end()
    })
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer).catch(() => {}))
    const listener: ListenerConfig = {
      bind: "127.0.0.1:0",
      backends: [backend.address],
      jwt: { key_files: [file], claims_to_headers: { name: "X-User" } },
      forward_auth: { url: service.origin, copy_headers: ["X-Roles"] },
    }
    const proxy = await createProxy({ ws_proxy: [listener] })
    t.teardown(() => proxy.close(0))
    const exp = Math.floor(Date.now() / 1000) + 60
    const token = await signToken(KEY, { exp, ...(!missing && { name: "ada" }) })
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead({ ...FORGED, Authorization: `Bearer ${token}` }))
    await client.untilText("\r\n\r\n")
    const { text } = await backend.peer()
    const lines = text.split("\r\n").filter((line) => /^x.(user|roles):/i.test(line))
    t.same(lines, missing ? [] : ["X-User: ada", "X-Roles: guest"])
  })
}
