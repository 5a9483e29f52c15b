/** More tunnels to one backend address than one local address has ports. */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import t from "tap"
import { socketFolder } from "../support/peers/socket-folder.js"
import { Program } from "../support/program/program.js"

const SCRIPT = fileURLToPath(new URL("../support/program/dial-with-few-ports.js", import.meta.url))
const OWN_NETWORK = ["unshare", "-n", "sh", "-c"] as const
const UP = "PATH=$PATH:/usr/sbin:/sbin; ip link set lo up"
/** Of a range of ten. */
const PORTS = 10

const CASES: { title: string; localAddresses: string[]; from: Record<string, number> }[] = [
  { title: "without local_addresses", localAddresses: [], from: { "127.0.0.1": PORTS } },
  {
    title: "with two local addresses",
    localAddresses: ["127.0.0.2", "127.0.0.3"],
    from: { "127.0.0.2": PORTS, "127.0.0.3": PORTS },
  },
  {
    title: "with one that this machine does not have",
    localAddresses: ["192.0.2.1", "127.0.0.2"],
    from: { "127.0.0.2": PORTS },
  },
]

const [command, ...flags] = OWN_NETWORK
const canHaveOwnNetwork = spawnSync(command, [...flags, UP]).status === 0

for (const { title, localAddresses, from } of CASES) {
  const count = Object.values(from).reduce((sum, ports) => sum + ports, 0)
  const skip = canHaveOwnNetwork ? false : "needs the right to create a network namespace"
  t.test(
    `${title} ${count} tunnels open, and the next client gets a 503 that says why`,
    { skip },
    async (t) => {
      const args = [`${UP}; exec "$0" "$@"`, process.execPath, SCRIPT, socketFolder(t), ...localAddresses]
      const program = Program.start(t, command, [...flags, ...args])
      await program.untilExit()
      t.equal(program.stderr, "")
      const output: { from: object; refusal: string } = JSON.parse(program.stdout)
      t.same(output.from, from)
      t.match(output.refusal, /^HTTP\/1\.1 503 .*see local_addresses/s)
    },
  )
}
