/**
 * Tokens and cookies are credentials: at no level may they be logged, nor may those of a URL reach a backend.
 */
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import t from "tap"
import { createProxy, type ListenerConfig } from "../../lib/index.js"
import { oauth2Answer, startHttpService } from "../support/access/http-service.js"
import { makeKey, signToken, type TestKey } from "../support/access/tokens.js"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { collectLog } from "../support/program/log-lines.js"

const KEY = makeKey("k1")

interface Case {
  readonly title: string
  readonly target?: (token: string) => string
  readonly fields?: (token: string) => Fields
  /** What the backend gets of the request, with TOKEN for the token. */
  readonly forwarded: RegExp
}

const cases: readonly Case[] = [
  {
    title: "Authorization",
    fields: (token) => ({ Authorization: `Bearer ${token}` }),
    forwarded: /^Authorization: Bearer TOKEN\r$/m,
  },
  {
    title: "a cookie",
    fields: (token) => ({ Cookie: `a=b; jwt=${token}` }),
    forwarded: /^Cookie: a=b; jwt=TOKEN\r$/m,
  },
  {
    title: "the query",
    target: (token) => `/chat?a=b&token=${token}&c`,
    forwarded: /^GET \/chat\?a=b&c HTTP/,
  },
  { title: "the query alone", target: (token) => `/chat?token=${token}`, forwarded: /^GET \/chat HTTP/ },
  {
    title: "the query in another spelling",
    target: (token) => `/chat?%74oken=${token.replace(".", "%2E")}`,
    forwarded: /^GET \/chat HTTP/,
  },
  {
    title: "a subprotocol",
    fields: (token) => ({ "Sec-WebSocket-Protocol": `chat, bearer.${token}` }),
    forwarded: /^Sec-WebSocket-Protocol: chat\r$/m,
  },
  {
    title: "every place at once",
    target: (token) => `/chat?token=${token}`,
    fields: (token) => ({
      Authorization: `Bearer ${token}`,
      "Sec-WebSocket-Protocol": [`bearer.${token}`, "chat"],
    }),
    forwarded: /^GET \/chat HTTP.*^Sec-WebSocket-Protocol: chat\r$/ms,
  },
]

/** Parts that are long enough to be no accident. */
function secretsIn(token: string): string[] {
  const [header = "", claims = "", signature = ""] = token.split(".")
  return [
    header.slice(0, 20),
    header.slice(-20),
    claims.slice(0, 20),
    claims.slice(-20),
    signature.slice(0, 20),
  ]
}

async function tokenOf(key: TestKey): Promise<string> {
  return signToken(key, { exp: Math.floor(Date.now() / 1000) + 60, sub: "ada-the-user" })
}

for (const { title, target = () => "/chat", fields = () => ({}), forwarded } of cases) {
  for (const isValid of [true, false]) {
    t.test(`${isValid ? "a valid" : "an invalid"} token in ${title} is not logged`, async (t) => {
      const file = join(socketFolder(t), "key.pem")
      writeFileSync(file, KEY.pem)
      const backend = await startBackend(t, (peer) => void answerUpgrade(peer).catch(() => {}))
      const { log, lines } = collectLog("trace")
      const listener: ListenerConfig = {
        bind: "127.0.0.1:0",
        backends: [backend.address],
        jwt: {
          key_files: [file],
          from: [
            "header:Authorization",
            "header:X-Token",
            "cookie:jwt",
            "query:token",
            "subprotocol:bearer.",
          ],
          claims_to_headers: { sub: "X-User" },
        },
      }
      // Even if nothing else is hidden.
      const proxy = await createProxy({ log: { redact: [] }, ws_proxy: [listener] }, { log })
      t.teardown(() => proxy.close(0))
      const token = await tokenOf(isValid ? KEY : makeKey("k1"))
      const over = once(proxy, isValid ? "end" : "refuse")
      const client = await RawPeer.connect(proxy.address())
      client.write(upgradeHead(fields(token), `GET ${target(token)} HTTP/1.1`))
      await client.untilText("\r\n\r\n")
      t.match(client.text, isValid ? /^HTTP\/1\.1 101 / : /^HTTP\/1\.1 401 /)
      client.socket.end()
      if (isValid) (await backend.peer()).socket.end()
      await over
      const written = JSON.stringify(lines)
      t.match(written, /request head received/, "heads are logged at this level")
      for (const secret of secretsIn(token)) {
        t.notOk(written.includes(secret), `no part of ${title}`)
        if (!isValid) t.notOk(client.text.includes(secret), "nor in the refusal")
      }
      t.notMatch(written, /ada-the-user/, "nor claims, which may be personal data")
      t.equal(backend.peers.length, isValid ? 1 : 0)
      if (!isValid) return
      const { text } = await backend.peer()
      t.match(text.replaceAll(token, "TOKEN"), forwarded)
      t.match(text, /^X-User: ada-the-user\r$/m)
    })
  }
}

t.test("a token in a URL does not reach the log of an authorization service either", async (t) => {
  const file = join(socketFolder(t), "key.pem")
  writeFileSync(file, KEY.pem)
  const service = await startHttpService(t, (_request, response) => response.end())
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer).catch(() => {}))
  const listener: ListenerConfig = {
    bind: "127.0.0.1:0",
    backends: [backend.address],
    jwt: { key_files: [file], from: ["query:token"] },
    forward_auth: { url: service.origin },
  }
  const proxy = await createProxy({ ws_proxy: [listener] })
  t.teardown(() => proxy.close(0))
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead({}, `GET /chat?a=b&token=${await tokenOf(KEY)}&c HTTP/1.1`))
  await client.untilText("\r\n\r\n")
  t.match(client.text, /^HTTP\/1\.1 101 /)
  t.match(service.requests[0]?.headers, { "x-forwarded-uri": "/chat?a=b&c" })
  t.notMatch(String(service.requests[0]?.rawHeaders), /token=/)
  client.socket.destroy()
})

t.test("what an authorization service is sent, and what it sends, is not logged", async (t) => {
  const service = await startHttpService(t, oauth2Answer)
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer).catch(() => {}))
  const { log, lines } = collectLog("trace")
  const forward_auth = { url: `${service.origin}/?key=hunter2`, copy_headers: ["X-Auth-Request-User"] }
  const listener = { bind: "127.0.0.1:0", backends: [backend.address], forward_auth }
  const proxy = await createProxy({ ws_proxy: [listener] }, { log })
  t.teardown(() => proxy.close(0))
  for (const session of ["ada", "nobody", "broken", "eve"]) {
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead({ Cookie: `_oauth2_proxy=${session}; secret=c0ffee` }))
    await client.untilText("\r\n\r\n")
    client.socket.end()
  }
  const { socket, text } = await backend.peer()
  t.match(text, /^X-Auth-Request-User: ada@example\.com\r$/m)
  const over = once(proxy, "end")
  socket.end()
  await over
  t.notMatch(JSON.stringify(lines), /c0ffee|ada@example|hunter2|csrf/)
})
