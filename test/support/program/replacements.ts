/**
 * Replaces a running rws several times while a client opens tunnels all the time. Arguments: the address, or
 * "tcp" for a free port, and how many replacements. Run by tests, also in a network namespace of its own.
 */
import { join } from "node:path"
import t from "tap"
import { deadAddress, startEchoBackend } from "../peers/backend.js"
import { openSteadily } from "../peers/steady-tunnels.js"
import { NEWER_NODE } from "./newer-node.js"
import { Program, RWS, temporaryFolder, untilServing } from "./program.js"

const TUNNELS = 20

const [, , address = "tcp", count = "3"] = process.argv

t.test(`${count} replacements refuse no client`, async (t) => {
  const backend = await startEchoBackend(t)
  const folder = await temporaryFolder(t)
  const bind = address === "tcp" ? await deadAddress() : address
  const flags = [
    "--bind",
    bind,
    "--reuse-port",
    "--backend",
    backend.address,
    "--pid-file",
    join(folder, "pid"),
  ]
  const start = () => untilServing(Program.start(t, NEWER_NODE ?? "", [RWS, ...flags, "--replace"]))
  let { rws } = await start()
  const clients = openSteadily(bind)
  await clients.untilMore(TUNNELS)
  for (let replacement = 0; replacement < Number(count); replacement++) {
    const { rws: next } = await start()
    t.strictSame(await rws.untilExit(), { code: 0, signal: null })
    await clients.untilMore(TUNNELS)
    rws = next
  }
  t.strictSame(await clients.stop(), [])
  t.comment(`${clients.opened} tunnels, ${count} replacements`)
})
