/** Routes, balancing, rules and limits of a configuration file, through the real program. */
import t, { type Test } from "tap"
import { type Fields, upgradeHead } from "../../support/http/heads.js"
import { answerUpgrade, type RawBackend, startBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { serveFile } from "../../support/program/program.js"

/** A backend that accepts the upgrade, and sends FIN after the client's. */
function startAnswering(t: Test): Promise<RawBackend> {
  return startBackend(t, (peer) => {
    peer.socket.once("end", () => peer.socket.end())
    void answerUpgrade(peer)
  })
}

/** Sends a request and resolves to the client, still connected, once it has a response head. */
async function ask(t: Test, address: string, target: string, fields: Fields = {}): Promise<RawPeer> {
  const client = await RawPeer.connect(address)
  t.teardown(() => client.socket.destroy())
  return client.write(upgradeHead(fields, `GET ${target} HTTP/1.1`)).untilText("\r\n\r\n")
}

function statusOf({ text }: RawPeer): string {
  return text.slice(9, 12)
}

t.test("the first matching route determines the backend and the request that it gets", async (t) => {
  const [game, feed, rest] = await Promise.all([1, 2, 3].map(() => startAnswering(t)))
  const toml = `
    [[ws_proxy]]
    bind = "127.0.0.1:0"
    [[ws_proxy.route]]
    host = "*.game.example"
    path = "/play"
    strip_prefix = true
    pool = "game"
    [[ws_proxy.route]]
    path = "=/feed"
    header = { X-Beta = "yes" }
    query = { v = "2" }
    rewrite = "/v2/feed"
    backends = ["${feed?.address}"]
    [[ws_proxy.route]]
    path = "~/[a-z]+/[0-9]+"
    backends = ["ws://${rest?.address}/base"]
    [pool.game]
    backends = ["${game?.address}"]
  `
  const { address } = await serveFile(t, toml)
  const cases: readonly [target: string, fields: Fields, backend: RawBackend | undefined, arrives: string][] =
    [
      ["/play/room%2F1?a=%20b&&", { Host: "eu.GAME.example:8080" }, game, "/room%2F1?a=%20b&&"],
      ["/play", { Host: "eu.game.example" }, game, "/"],
      ["/feed?v=2&x", { "X-Beta": "yes" }, feed, "/v2/feed?v=2&x"],
      ["/room/12", {}, rest, "/base/room/12"],
    ]
  for (const [target, fields, backend, arrives] of cases) {
    t.equal(statusOf(await ask(t, address, target, fields)), "101", target)
    t.equal(backend?.peers.at(-1)?.text.split(" ")[1], arrives)
  }
  const seen = [game, feed, rest].map((backend) => backend?.peers.length)
  const lost: readonly [string, Fields][] = [
    ["/play/x", { Host: "game.example" }],
    ["/playing", { Host: "eu.game.example" }],
    ["/feed?v=2", {}],
    ["/feed?v=3", { "X-Beta": "yes" }],
    ["/room/12/", {}],
  ]
  for (const [target, fields] of lost) t.equal(statusOf(await ask(t, address, target, fields)), "404", target)
  t.same(
    [game, feed, rest].map((backend) => backend?.peers.length),
    seen,
    "requests without a route reach no backend",
  )
})

t.test(
  "each policy distributes sessions as documented, and a sticky cookie leads back to its backend",
  async (t) => {
    const backends = await Promise.all([1, 2, 3].map(() => startAnswering(t)))
    const list = backends.map(({ address }) => `"${address}"`).join(", ")
    const listener = (port: number, keys: string) =>
      `[[ws_proxy]]\nname = "${port}"\nbind = "127.0.0.1:0"\nbackends = [${list}]\n${keys}\n`
    const counts = () => backends.map(({ peers }) => peers.length)
    const shares = async (keys: string, sessions: number, fields: (index: number) => Fields = () => ({})) => {
      const { address } = await serveFile(t, listener(1, keys))
      const before = counts()
      for (let index = 0; index < sessions; index++)
        await ask(t, address, `/?room=${index % 2}`, fields(index))
      return counts().map((count, index) => count - (before[index] ?? 0))
    }
    t.same(await shares("", 6), [2, 2, 2], "round_robin")
    t.same(await shares('balance = "least_connections"', 6), [2, 2, 2], "least_connections, all kept open")
    t.equal(
      (await shares('balance = "random"', 6)).reduce((sum, share) => sum + share),
      6,
      "random",
    )
    const hashed = await shares('balance = "hash"\nhash_key = "query:room"', 8)
    t.same(
      hashed.filter((share) => share > 0 && share !== 4 && share !== 8),
      [],
      "hash: each of two keys has one backend",
    )

    const { address } = await serveFile(t, listener(1, 'sticky_cookie = "place"'))
    const first = await ask(t, address, "/")
    const [, cookie = ""] =
      /^Set-Cookie: (place=[\w-]{22}); Path=\/; HttpOnly; SameSite=Lax\r$/m.exec(first.text) ?? []
    t.ok(cookie)
    const before = counts()
    for (let session = 0; session < 6; session++) {
      t.notMatch((await ask(t, address, "/", { Cookie: `a=b; ${cookie}` })).text, /^Set-Cookie/m)
    }
    t.same(
      counts()
        .map((count, index) => count - (before[index] ?? 0))
        .sort(),
      [0, 0, 6],
    )
  },
)

t.test("sessions follow weights, skip full backends and fall back to backups", async (t) => {
  const [big, small, spare] = await Promise.all([1, 2, 3].map(() => startAnswering(t)))
  const toml = `
    [[ws_proxy]]
    bind = "127.0.0.1:0"
    pool = "p"
    [pool.p]
    backends = [
      { address = "${big?.address}", weight = 2, max_connections = 4 },
      { address = "${small?.address}", max_connections = 2 },
      { address = "${spare?.address}", backup = true, max_connections = 1 },
    ]
  `
  const { address } = await serveFile(t, toml)
  const counts = () => [big, small, spare].map((backend) => backend?.peers.length)
  for (let session = 0; session < 6; session++) await ask(t, address, "/")
  t.same(counts(), [4, 2, 0], "distributed by weight")
  t.equal(statusOf(await ask(t, address, "/")), "101")
  t.same(counts(), [4, 2, 1], "the backup, since the others are full")
  const refused = await ask(t, address, "/")
  t.equal(statusOf(refused), "503")
  t.match(refused.text, /^Retry-After: /m)
})

t.test(
  "origins, subprotocols and fields follow the rules of the listener unless the route overrides them",
  async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer, { Server: "b", "X-Old": "1" }))
    const toml = `
    [[ws_proxy]]
    bind = "127.0.0.1:0"
    backends = ["${backend.address}"]
    allowed_origins = ["https://*.example.com", "null"]
    require_origin = true
    subprotocols = ["chat.v2"]
    [ws_proxy.request_headers]
    set = { X-Env = "test", X-Forwarded-Proto = "https" }
    remove = ["Cookie"]
    [ws_proxy.response_headers]
    set = { X-Via = "rws" }
    remove = ["Server"]
    [[ws_proxy.route]]
    path = "/open"
    allowed_origins = []
    require_origin = false
  `
    const { address } = await serveFile(t, toml)
    for (const Origin of [
      "https://evil.example",
      "http://a.example.com",
      "https://example.com.evil",
      undefined,
    ]) {
      t.equal(statusOf(await ask(t, address, "/", { Origin })), "403", String(Origin))
    }
    t.equal(statusOf(await ask(t, address, "/", { Origin: ["null", "null"] })), "403", "two origins")
    t.equal(backend.peers.length, 0, "nothing has reached the backend")
    const fields = {
      Origin: "https://a.example.com",
      Cookie: "a=b",
      "Sec-WebSocket-Protocol": "chat.v1, chat.v2",
    }
    const client = await ask(t, address, "/", fields)
    t.match(client.text, /^HTTP\/1\.1 101 [\s\S]*^X-Via: rws\r$/m)
    t.notMatch(client.text, /^Server:/m)
    const { text } = await backend.peer()
    t.match(text, /^X-Env: test\r$/m)
    t.match(text, /^X-Forwarded-Proto: https\r$/m, "set fields override the forwarding fields")
    t.match(text, /^Sec-WebSocket-Protocol: chat\.v2\r$/m)
    t.notMatch(text, /^Cookie:/m)
    t.equal(statusOf(await ask(t, address, "/open")), "101")
  },
)

t.test("limits per client, rates and max_pending respond with the documented statuses", async (t) => {
  const backend = await startAnswering(t)
  const silent = await startBackend(t)
  const listener = (keys: string, address = backend.address) =>
    `[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ["${address}"]\n${keys}\n`

  const perIp = await serveFile(t, listener('max_connections_per_ip = 2\ntrusted_proxies = ["127.0.0.1"]'))
  const from = (ip: string) => ({ "X-Forwarded-For": ip })
  const first = await ask(t, perIp.address, "/", from("2001:db8::1"))
  t.equal(statusOf(await ask(t, perIp.address, "/", from("2001:db8::2"))), "101")
  const third = await ask(t, perIp.address, "/", from("2001:db8:0:0:9::3"))
  t.equal(statusOf(third), "429", "an IPv6 client is counted by its /64")
  t.match(third.text, /^Retry-After: /m)
  t.equal(statusOf(await ask(t, perIp.address, "/", from("2001:db8:0:1::1"))), "101", "another /64")
  first.socket.destroy()
  for (let status = "429"; status !== "101"; ) {
    status = statusOf(await ask(t, perIp.address, "/", from("2001:db8::4")))
    t.ok(status === "101" || status === "429")
  }

  const rated = await serveFile(t, listener('rate_per_ip = "1/h"\nrate_burst = 2'))
  const statuses = []
  for (let session = 0; session < 4; session++) statuses.push(statusOf(await ask(t, rated.address, "/")))
  t.same(statuses, ["101", "101", "429", "429"])

  const pending = await serveFile(t, listener("max_pending = 1", silent.address))
  const waits = await RawPeer.connect(pending.address)
  waits.write(upgradeHead())
  await silent.peer()
  t.equal(statusOf(await ask(t, pending.address, "/")), "503")
  waits.socket.destroy()
})
