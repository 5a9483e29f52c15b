/** A full disk must not stop the proxy: it loses log lines, not tunnels. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { open } from "node:fs/promises"
import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"

const FULL = "/dev/full"
const PROGRAM = new URL("../../bin/rws.js", import.meta.url).pathname
const full = await open(FULL, "w").catch(() => undefined)
t.teardown(() => full?.close())

for (const [output, flags] of [
  ["standard output", []],
  ["a file", ["--log-file", FULL]],
] as const) {
  t.test(
    `rws serves and exits normally while its log can't be written to ${output}`,
    { skip: !full && `no ${FULL}` },
    async (t) => {
      const backend = await startEchoBackend(t)
      const bind = `unix:${socketFolder(t)}/rws.sock`
      const args = [PROGRAM, "--bind", bind, "--backend", backend.address, ...flags]
      const program = spawn(process.execPath, args, { stdio: ["ignore", full?.fd ?? "ignore", "pipe"] })
      t.teardown(() => program.kill("SIGKILL"))
      const ended = once(program, "exit")
      const [complaint] = await once(program.stderr ?? program, "data")
      t.match(String(complaint), /the log can't be written: ENOSPC/)

      for (const message of ["one", "two"]) {
        const client = await RawPeer.connect(bind)
        await client.write(upgradeHead()).untilText("\r\n\r\n")
        await client.write(message).untilText(message)
        client.socket.end()
        await client.untilClosed()
      }
      program.kill("SIGTERM")
      t.same(await ended, [0, null])
    },
  )
}
