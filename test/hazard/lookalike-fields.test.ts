/**
 * CGI, WSGI and PHP read X_Auth_User and X-Auth-User as the same field. A client must not bypass a rule by
 * using the other spelling.
 */
import t from "tap"
import type { Fields } from "../support/http/heads.js"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { openTunnel, type Settings, startProxy } from "../support/program/proxy.js"

const FORGED: Fields = {
  "X-Auth-User": "forged",
  X_Auth_User: "forged",
  "x-auth_user": "forged",
  "X.AUTH.USER": "forged",
  "X-Auth-Users": "other",
  XAuthUser: "other",
}

const rules: readonly { title: string; keys: Partial<Settings>; arrives: string[] }[] = [
  {
    title: "set",
    keys: { request_headers: { set: { "X-Auth-User": "ann" } } },
    arrives: ["X-Auth-User: ann"],
  },
  {
    title: "set in the other spelling",
    keys: { request_headers: { set: { x_auth_user: "ann" } } },
    arrives: ["x_auth_user: ann"],
  },
  {
    title: "set in both spellings",
    keys: { request_headers: { set: { "X-Auth-User": "ann", X_Auth_User: "bob" } } },
    arrives: ["X-Auth-User: ann", "X_Auth_User: bob"],
  },
  { title: "removed", keys: { request_headers: { remove: ["X-Auth-User"] } }, arrives: [] },
  {
    title: "removed for one route",
    keys: { route: [{ path: "/", request_headers: { remove: ["X-AUTH-USER"] } }] },
    arrives: [],
  },
]

for (const { title, keys, arrives } of rules) {
  t.test(`if a field is ${title}, no other spelling of it gets through`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
    const proxy = await startProxy(t, { backends: [backend.address], ...keys })
    await openTunnel(proxy, upgradeHead(FORGED))
    const { text } = await backend.peer()
    t.notMatch(text, /forged/)
    t.same(text.match(/^x.auth.user: .*(?=\r$)/gim) ?? [], arrives)
    t.match(text, /^X-Auth-Users: other\r\nXAuthUser: other\r$/m, "other names are kept")
  })
}

t.test("if subprotocols are restricted, no other spelling of the field gets through", async (t) => {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
  const proxy = await startProxy(t, { backends: [backend.address], subprotocols: ["v1"] })
  await openTunnel(
    proxy,
    upgradeHead({ Sec_WebSocket_Protocol: "admin", "Sec-WebSocket-Protocol": "admin, v1" }),
  )
  const { text } = await backend.peer()
  t.same(text.match(/^sec.websocket.protocol: .*(?=\r$)/gim), ["Sec-WebSocket-Protocol: v1"])
})
