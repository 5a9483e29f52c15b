/** With more concurrent clients than descriptors, those with a place are served and the others refused. */
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { logOf, Program, RWS, untilLogged, untilServing } from "../support/program/program.js"

const DESCRIPTORS = 200
const CLIENTS = 300
/** A session needs two. Node uses 20, and some are reserved for lookups, probes and refused clients. */
const SERVED = { atLeast: 55, atMost: 90 }

t.test(`${CLIENTS} concurrent clients share ${DESCRIPTORS} descriptors`, async (t) => {
  const backend = await startEchoBackend(t)
  const command = `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`
  const flags = ["--bind", "127.0.0.1:0", "--backend", backend.address]
  const rws = Program.start(t, "sh", ["-c", command, process.execPath, RWS, ...flags])
  const { address } = await untilServing(rws)

  let ended = 0
  const crowd = async () => {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawPeer.connect(address)))
    t.teardown(() => {
      for (const { socket } of clients) socket.destroy()
    })
    for (const client of clients) client.write(upgradeHead())
    await Promise.all(clients.map((client) => client.until(({ text, closed }) => closed || text !== "")))
    const answered = (status: string) => clients.filter(({ text }) => text.startsWith(`HTTP/1.1 ${status} `))
    const [served, refused] = [answered("101"), answered("503")]
    t.ok(
      served.length >= SERVED.atLeast && served.length <= SERVED.atMost,
      `${served.length} clients are served`,
    )
    t.ok(served.length + refused.length > 0.9 * CLIENTS, `${refused.length} clients get a 503`)
    for (const client of served) await client.write("still there").untilText("still there")
    for (const { socket } of clients) socket.destroy()
    ended += served.length
    const left = () => ended - logOf(rws).filter(({ msg }) => msg === "session ended").length
    // Evaluated again for each new piece of the log.
    await untilLogged(rws, () => left() <= 0)
  }
  await crowd()
  await crowd()
  t.equal(logOf(rws).filter(({ level }) => level === "error").length, 0)
})

t.test(
  "a max_connections that does not fit is logged at the start, with the limit that is needed",
  async (t) => {
    const command = `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`
    const flags = ["--bind", "127.0.0.1:0", "--backend", "127.0.0.1:9", "--max-connections", "5000"]
    const rws = Program.start(t, "sh", ["-c", command, process.execPath, RWS, ...flags])
    const line = await untilLogged(rws, ({ msg }) => msg === "too few open files")
    t.match(line, {
      level: 40,
      open_files: DESCRIPTORS,
      detail: /^max_connections allows 5000 sessions, but /,
    })
    t.ok(Number(line.needed) > 10_000)
  },
)
