/**
 * Tokens and forward auth as a configuration asks for them: over reloads, by route, and in worker threads.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import t, { type Test } from "tap"
import { type Config, createProxy, type ListenerConfig } from "../../lib/index.js"
import { oauth2Answer, startHttpService } from "../support/access/http-service.js"
import { keySetOf, makeKey, signToken, type TestKey } from "../support/access/tokens.js"
import { parseAnswer, valuesIn } from "../support/http/answer.js"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { noNewerNode } from "../support/program/newer-node.js"
import { startWorkers } from "../support/program/start-workers.js"

const KEY = makeKey("k1")
const OTHER = makeKey("k2")

function bearerOf(key: TestKey): Promise<Fields> {
  const exp = Math.floor(Date.now() / 1000) + 60
  return signToken(key, { exp }).then((token) => ({ Authorization: `Bearer ${token}` }))
}

/** The status line and the fields that a client gets. */
async function answerOf(address: string, fields: Fields, path = "/chat") {
  const client = (await RawPeer.connect(address)).write(upgradeHead(fields, `GET ${path} HTTP/1.1`))
  await client.untilText("\r\n\r\n")
  client.socket.destroy()
  return parseAnswer(client.text)
}

async function statusOf(address: string, fields: Fields, path?: string): Promise<number> {
  return Number((await answerOf(address, fields, path)).statusLine.split(" ")[1])
}

async function start(t: Test, listener: Partial<ListenerConfig>) {
  const backend = await startEchoBackend(t)
  const config = (more: Partial<ListenerConfig> = {}): Config => ({
    ws_proxy: [{ bind: "127.0.0.1:0", backends: [backend.address], ...listener, ...more }],
  })
  const proxy = await createProxy(config())
  t.teardown(() => proxy.close(0))
  const reload = (more?: Partial<ListenerConfig>) => proxy.reload(config(more))
  return { address: proxy.address(), reload }
}

t.test("refusals say what is wanted", async (t) => {
  const file = join(socketFolder(t), "key.pem")
  writeFileSync(file, KEY.pem)
  const { address } = await start(t, { jwt: { key_files: [file] } })
  const without = await answerOf(address, {})
  t.match(without.statusLine, /^HTTP\/1\.1 401 /)
  t.same(valuesIn(without, "www-authenticate"), ["Bearer"])
  const wrong = await answerOf(address, await bearerOf(OTHER))
  t.same(valuesIn(wrong, "www-authenticate"), ['Bearer error="invalid_token"'])
  t.equal(wrong.body, "the token is not valid: its signature is wrong\n")
  t.equal(await statusOf(address, await bearerOf(KEY)), 101)
})

t.test("a reload reads key files again, and refuses those that have become unusable", async (t) => {
  const file = join(socketFolder(t), "key.pem")
  writeFileSync(file, KEY.pem)
  const { address, reload } = await start(t, { jwt: { key_files: [file] } })
  const [old, next] = [await bearerOf(KEY), await bearerOf(OTHER)]
  t.equal(await statusOf(address, old), 101)
  writeFileSync(file, OTHER.pem)
  t.equal(await statusOf(address, next), 401, "not before the reload")
  await reload()
  t.equal(await statusOf(address, next), 101)
  t.equal(await statusOf(address, old), 401)
  writeFileSync(file, "broken")
  await t.rejects(reload(), /holds no key/)
  t.equal(await statusOf(address, next), 101)
})

t.test("a reload keeps a key set and verdicts that nothing has changed about", async (t) => {
  const issuer = await startHttpService(t, (_request, response) => response.end(keySetOf(KEY)))
  const service = await startHttpService(t, oauth2Answer)
  const cache = { ttl_ms: 60_000 }
  const { address, reload } = await start(t, {
    jwt: { jwks_url: issuer.origin },
    forward_auth: { url: service.origin, cache },
  })
  const fields = { ...(await bearerOf(KEY)), Cookie: "_oauth2_proxy=ada" }
  t.equal(await statusOf(address, fields), 101)
  await reload({ idle_timeout_ms: 1000 })
  t.equal(await statusOf(address, fields), 101)
  t.equal(issuer.requests.length, 1)
  t.equal(service.requests.length, 1)
  await reload({ jwt: { jwks_url: issuer.origin, audience: "mail" } })
  t.equal(await statusOf(address, fields), 401, "what was verified by other rules is verified again")
  t.equal(issuer.requests.length, 2)
})

t.test("a token comes before the service, which is not asked about strangers", async (t) => {
  const file = join(socketFolder(t), "key.pem")
  writeFileSync(file, KEY.pem)
  const service = await startHttpService(t, oauth2Answer)
  const { address } = await start(t, {
    jwt: { key_files: [file] },
    forward_auth: { url: service.origin },
    route: [
      { path: "/open", skip_auth: true },
      { path: "/token", skip_auth: true, jwt: { key_files: [file] } },
    ],
  })
  const session = { Cookie: "_oauth2_proxy=ada" }
  const token = await bearerOf(KEY)
  t.equal(await statusOf(address, session), 401)
  t.equal(service.requests.length, 0)
  t.equal(await statusOf(address, token), 302)
  t.equal(await statusOf(address, { ...session, ...token }), 101)
  t.equal(service.requests.length, 2)
  t.equal(await statusOf(address, {}, "/open"), 101)
  t.equal(await statusOf(address, {}, "/token"), 401)
  t.equal(await statusOf(address, token, "/token"), 101)
  t.equal(service.requests.length, 2)
})

t.test("each worker thread has checks of its own", { skip: noNewerNode }, async (t) => {
  const issuer = await startHttpService(t, (_request, response) => response.end(keySetOf(KEY)))
  const service = await startHttpService(t, oauth2Answer)
  const backend = await startEchoBackend(t)
  const host = await startWorkers(t, {
    workers: 2,
    ws_proxy: [
      {
        bind: "127.0.0.1:0",
        backends: [backend.address],
        jwt: { jwks_url: issuer.origin },
        forward_auth: { url: service.origin },
      },
    ],
  })
  const good = { ...(await bearerOf(KEY)), Cookie: "_oauth2_proxy=ada" }
  const eve = { ...good, Cookie: "_oauth2_proxy=eve" }
  const [address = ""] = host.addresses
  for (let round = 0; round < 10; round++) {
    t.equal(await statusOf(address, good), 101)
    t.equal(await statusOf(address, eve), 403)
    t.equal(await statusOf(address, {}), 401)
  }
  t.equal(
    issuer.requests.length,
    3,
    "once by each worker, and by the main thread, which prepares what it checks",
  )
})
