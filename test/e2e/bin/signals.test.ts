import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { logOf, type Program, serveRws, untilLogged } from "../../support/program/program.js"

const DRAINING = "draining; a second signal closes at once"
const ENDED = { code: 0, signal: null }

/** A serving rws with an open tunnel through it. */
async function serveTunnel(t: Test): Promise<{ rws: Program; address: string; client: RawPeer }> {
  const backend = await startEchoBackend(t)
  const { rws, address } = await serveRws(t, [backend.address])
  const client = await RawPeer.connect(address)
  t.teardown(() => client.socket.destroy())
  client.write(upgradeHead())
  return { rws, address, client: await client.untilText("\r\n\r\n") }
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  t.test(`${signal} ends an idle rws at once with exit code 0`, async (t) => {
    const { rws } = await serveRws(t, ["127.0.0.1:9"])
    rws.signal(signal)
    t.strictSame(await rws.untilExit(), ENDED)
    t.equal(rws.stderr, "")
    t.match(logOf(rws).at(-1), { msg: "stopped" })
  })

  t.test(
    `${signal} drains: an open tunnel goes on, nobody else gets in, exit code 0 when it ends`,
    async (t) => {
      const { rws, address, client } = await serveTunnel(t)
      rws.signal(signal)
      await untilLogged(rws, ({ msg }) => msg === DRAINING)
      await t.rejects(RawPeer.connect(address), { code: "ECONNREFUSED" })

      client.write("still here")
      await client.untilText("\r\n\r\nstill here")
      t.equal(rws.exit, undefined)

      client.socket.end()
      t.strictSame(await rws.untilExit(), ENDED)
      const [session, stopped] = logOf(rws).slice(-2)
      t.match(session, { reason: "client_fin", bytes_from_client: 10 })
      t.match(stopped, { msg: "stopped" })
    },
  )

  for (const second of ["SIGTERM", "SIGINT"] as const) {
    t.test(`after ${signal} a ${second} closes the tunnels that are left, exit code 0`, async (t) => {
      const { rws, client } = await serveTunnel(t)
      rws.signal(signal)
      await untilLogged(rws, ({ msg }) => msg === DRAINING)
      rws.signal(second)
      t.strictSame(await rws.untilExit(), ENDED)
      await client.untilEnd()
      const [session, ...rest] = logOf(rws).filter(({ msg }) => msg !== "listening" && msg !== DRAINING)
      t.match(session, { reason: "drain_timeout" })
      t.match(rest, [{ msg: "stopped" }])
      t.equal(rest.length, 1, "said once, although there were two signals")
    })
  }
}
