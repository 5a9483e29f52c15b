/** Unreadable TLS files keep a proxy from starting. After the start they are not needed. */
import { rmSync } from "node:fs"
import t, { type Test } from "tap"
import { createProxy, Pool, type ProxyOptions, SettingError } from "../../lib/index.js"
import { SILENT } from "../../lib/ops/log.js"
import { answerUpgrade, deadAddress, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { makeTestCa } from "../support/peers/test-ca.js"
import { startTlsBackend } from "../support/peers/tls-backend.js"
import { collectLog } from "../support/program/log-lines.js"
import { openTunnel, SHORT_MS, startProxy } from "../support/program/proxy.js"
import { rejectionOf } from "../support/project/thrown.js"

/** Starts a proxy that must fail, and checks that its address is free again. */
async function checkUnstartable(t: Test, backends: Pool, options: ProxyOptions): Promise<unknown> {
  const bind = await deadAddress()
  const error = await rejectionOf(() =>
    createProxy({ ws_proxy: [{ name: "chat", bind, backends }] }, options),
  )
  t.match(await rejectionOf(() => RawPeer.connect(bind)), { code: "ECONNREFUSED" }, "nothing is left bound")
  return error
}

for (const backends of [["wss://127.0.0.1:9"], []]) {
  t.test(
    `a CA file that vanishes during the start of a proxy of [${backends}] makes the start fail`,
    async (t) => {
      const other = makeTestCa(t)
      const error = await checkUnstartable(t, new Pool(backends, { tls: { ca: other.certFile } }), {
        // Called between the check of the configuration and the start.
        get log() {
          rmSync(other.certFile)
          return collectLog().log
        },
      })
      t.ok(error instanceof SettingError)
      t.match(error, {
        message: `pool chat: tls: ca "${other.certFile}" can't be read: there is no such file`,
      })
    },
  )
}

t.test("a failed start leaves nothing bound and no health check running", async (t) => {
  const fault = new Error("the log fails")
  const backend = await startBackend(t)
  const pool = new Pool([backend.address], { health_check: { interval_ms: 1 } })
  const log = {
    ...SILENT,
    info: () => {
      throw fault
    },
  }
  t.equal(await checkUnstartable(t, pool, { log }), fault)
  const before = backend.peers.length
  // Health checks that still ran would connect in between.
  for (let i = 0; i < 50; i++) await RawPeer.connect(backend.address)
  t.ok(backend.peers.length <= before + 51, "one check may have been in flight")
})

t.test("files that vanish after the start affect neither sessions nor health checks", async (t) => {
  const other = makeTestCa(t)
  const { cert, key } = other.issue("IP:127.0.0.1")
  const server = await startTlsBackend(t, { cert, key })
  const pool = new Pool([], {
    tls: { ca: other.certFile },
    health_check: { type: "ws", interval_ms: SHORT_MS },
  })
  const proxy = await startProxy(t, { backends: pool })
  rmSync(other.folder, { recursive: true })
  pool.add(`wss://127.0.0.1:${server.address.port}`)
  for (let i = 0; i < 3; i++) {
    const { peer } = await server.next()
    await answerUpgrade(peer)
    t.pass("a health check has run")
    peer.socket.end()
  }
  const opening = openTunnel(proxy)
  for (let isTunnel = false; !isTunnel; ) {
    const { peer } = await server.next()
    isTunnel = (await answerUpgrade(peer)).includes("GET /chat ")
    if (!isTunnel) peer.socket.end()
  }
  t.match((await opening).text, /^HTTP\/1\.1 101 /)
})
