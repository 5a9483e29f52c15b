/**
 * Runs a proxy in a network namespace of its own that has few local ports. Opens tunnels until none opens,
 * through a Unix socket, so that only the dials take ports. Prints how many there were, from which addresses,
 * and the refusal.
 *
 * Arguments: a folder for the socket, and `local_addresses`.
 */
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { createProxy } from "../../../lib/index.js"
import { upgradeHead } from "../http/heads.js"
import { answerUpgrade } from "../peers/backend.js"
import { RawPeer } from "../peers/raw-peer.js"

const [folder = "", ...local_addresses] = process.argv.slice(2)
writeFileSync("/proc/sys/net/ipv4/ip_local_port_range", "40000 40009")

const from: Record<string, number> = {}
const server = createServer((socket) => {
  from[socket.remoteAddress ?? ""] = (from[socket.remoteAddress ?? ""] ?? 0) + 1
  void answerUpgrade(new RawPeer(socket))
}).listen(30_000, "127.0.0.1")
await once(server, "listening")
const bind = `unix:${folder}/rws.sock`
const pool = local_addresses.length > 0 ? { local_addresses } : {}
await createProxy({ ws_proxy: [{ bind, backends: ["127.0.0.1:30000"], ...pool }] })

for (;;) {
  const client = await RawPeer.connect(bind)
  await client.write(upgradeHead()).untilText("\r\n\r\n")
  if (client.text.startsWith("HTTP/1.1 101 ")) continue
  await client.untilEnd()
  process.stdout.write(JSON.stringify({ from, refusal: client.text }), () => process.exit(0))
  break
}
