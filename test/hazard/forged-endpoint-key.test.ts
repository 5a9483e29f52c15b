/** A client can't choose its endpoint by a field that its token or the authorization service sets. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import t, { type Test } from "tap"
import { createProxy, type ListenerConfig } from "../../lib/index.js"
import { startHttpService } from "../support/access/http-service.js"
import { makeKey, signToken } from "../support/access/tokens.js"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"

const KEY = makeKey("k1")

async function startTenants(t: Test, listener: Partial<ListenerConfig>) {
  const reached: string[] = []
  const endpoints: Record<string, { url: string }> = {}
  for (const tenant of ["ours", "theirs"]) {
    const { address } = await startBackend(t, (peer) => {
      reached.push(tenant)
      void answerUpgrade(peer).catch(() => {})
    })
    endpoints[tenant] = { url: `ws://${address}` }
  }
  const file = join(socketFolder(t), "endpoints.json")
  writeFileSync(file, JSON.stringify({ endpoints }))
  const proxy = await createProxy({
    registry: { tenants: { store: "file", file, allow_destinations: ["127.0.0.1"] } },
    ws_proxy: [{ bind: "127.0.0.1:0", registry: "tenants", registry_key: "header:X-Tenant", ...listener }],
  })
  t.teardown(() => proxy.close(0))
  const connect = async (fields: Fields) => {
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead({ "X-Tenant": "theirs", ...fields }))
    await client.untilText("\r\n\r\n")
    return reached
  }
  return connect
}

t.test("a claim names the endpoint, not the client's own field of that name", async (t) => {
  const file = join(socketFolder(t), "key.pem")
  writeFileSync(file, KEY.pem)
  const jwt = { key_files: [file], claims_to_headers: { tenant: "X-Tenant" } }
  const connect = await startTenants(t, { jwt })
  const token = await signToken(KEY, { exp: Math.floor(Date.now() / 1000) + 60, tenant: "ours" })
  t.notOk((await connect({ Authorization: `Bearer ${token}` })).includes("theirs"))
})

t.test("a field of the authorization service names the endpoint, not the client's own", async (t) => {
  const service = await startHttpService(t, (_request, response) => {
    response.setHeader("X-Tenant", "ours")
    response.end()
  })
  const connect = await startTenants(t, {
    forward_auth: { url: service.origin, copy_headers: ["X-Tenant"] },
  })
  t.notOk((await connect({})).includes("theirs"))
})
