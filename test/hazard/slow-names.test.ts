/** A name that resolves slowly or not at all must not delay other backends, nor count against its own. */
import t, { type Test } from "tap"
import { createProxy, type RunningProxy } from "../../lib/index.js"
import { checkRefusal } from "../support/http/answer.js"
import { upgradeHead } from "../support/http/heads.js"
import { type RawBackend, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { failingName, hangingName, lookupError, nameOf } from "../support/pool/names.js"
import { collectLog } from "../support/program/log-lines.js"
import { openTunnel, SHORT_MS, startProxy } from "../support/program/proxy.js"

const SESSIONS = 20

function at(host: string, { address }: RawBackend): string {
  return address.replace("127.0.0.1", host)
}

async function ask(proxy: RunningProxy): Promise<RawPeer> {
  return (await RawPeer.connect(proxy.address())).write(upgradeHead())
}

async function startLoggingProxy(t: Test, backends: string[], more = {}) {
  const { log, lines } = collectLog()
  const listener = { bind: "127.0.0.1:0", backends, connect_timeout_ms: SHORT_MS, max_fails: 1, ...more }
  const proxy = await createProxy({ ws_proxy: [listener] }, { log })
  t.teardown(() => proxy.close(0))
  const said = (message: string) => lines.filter(({ msg }) => msg === message)
  return { proxy, said }
}

t.test("many sessions that need one slow name share one lookup and its result", async (t) => {
  const backend = await startEchoBackend(t)
  const slow = hangingName(t)
  const proxy = await startProxy(t, { backends: [at(slow.name, backend)] })
  const clients: RawPeer[] = []
  for (let i = 0; i < SESSIONS; i++) clients.push(await ask(proxy))
  slow.resolveTo("127.0.0.1")
  for (const client of clients) await client.untilText("101 Switching Protocols")
  t.equal(slow.lookups(), 1)
})

t.test("while one name resolves slowly, other names and localhost are served", async (t) => {
  const backend = await startEchoBackend(t)
  const slow = hangingName(t)
  const stuck = await startProxy(t, { backends: [at(slow.name, backend)] })
  for (let i = 0; i < SESSIONS; i++) await ask(stuck)
  for (const host of [nameOf("127.0.0.1"), "localhost"]) {
    const proxy = await startProxy(t, { backends: [at(host, backend)] })
    t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /, host)
  }
  t.equal(slow.lookups(), 1)
})

const useless: readonly { title: string; name: (t: Test) => string; reason: string; error?: string }[] = [
  { title: "is not resolved in time", name: (t) => hangingName(t).name, reason: "resolve_timeout" },
  {
    title: "does not exist",
    name: () => failingName(lookupError("ENOTFOUND")),
    reason: "resolve_failed",
    error: "getaddrinfo ENOTFOUND",
  },
  {
    title: "no name server can resolve",
    name: () => failingName(lookupError("EAI_AGAIN")),
    reason: "resolve_failed",
    error: "getaddrinfo EAI_AGAIN",
  },
]

for (const { title, name, reason, error } of useless) {
  t.test(`a backend whose name ${title} is skipped and never ejected`, async (t) => {
    const backend = await startEchoBackend(t)
    const nameless = at(name(t), backend)
    const { proxy, said } = await startLoggingProxy(t, [nameless, backend.address])
    for (let i = 0; i < 6; i++) t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
    t.equal(backend.peers.length, 6)
    const failures = said("backend could not be dialled")
    t.equal(failures.length, 3, "every second session begins with it")
    for (const line of failures) t.match(line, { backend: nameless, reason, ...(error && { error }) })
    t.same(said("backend is down"), [])
  })
}

t.test("a session does not wait for a lookup that has already taken longer than its timeout", async (t) => {
  const backend = await startEchoBackend(t)
  const slow = hangingName(t)
  const { proxy } = await startLoggingProxy(t, [at(slow.name, backend)])
  await checkRefusal(t, await ask(proxy), "504 Gateway Timeout", /not resolved in time/)
  const begunMs = performance.now()
  await checkRefusal(t, await ask(proxy), "504 Gateway Timeout", /not resolved in time/)
  t.ok(performance.now() - begunMs < SHORT_MS)
  t.equal(slow.lookups(), 1)
})

t.test("health checks of a slow name share its lookup and count neither way", async (t) => {
  const backend = await startEchoBackend(t)
  const slow = hangingName(t)
  const check = { type: "ws", interval_ms: 1, timeout_ms: SHORT_MS, unhealthy_threshold: 1 }
  const { proxy, said } = await startLoggingProxy(t, [at(slow.name, backend)], { health_check: check })
  const waiting = await ask(proxy)
  await checkRefusal(t, waiting, "504 Gateway Timeout", /not resolved in time/)
  slow.resolveTo("127.0.0.1")
  t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
  t.same(said("backend is down"), [])
  t.equal(slow.lookups(), 1)
})
