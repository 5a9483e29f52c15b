import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { ask } from "../../support/admin/admin-proxy.js"
import { upgradeHead } from "../../support/http/heads.js"
import { deadAddress, startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { socketFolder } from "../../support/peers/socket-folder.js"
import { runRws, startRws, untilLogged, untilServing } from "../../support/program/program.js"

/** A configuration with a Unix socket, which every Node.js can hand over, and this admin address. */
async function configure(
  t: Test,
  admin: (folder: string) => string,
): Promise<{ file: string; bind: string }> {
  const backend = await startEchoBackend(t)
  const folder = socketFolder(t)
  const file = join(folder, "rws.toml")
  const bind = admin(folder)
  await writeFile(
    file,
    `pid_file = "${join(folder, "rws.pid")}"
    [admin]
    bind = "${bind}"
    [[ws_proxy]]
    bind = "unix:${join(folder, "front.sock")}"
    reuse_port = true
    backends = ["${backend.address}"]`,
  )
  return { file, bind }
}

t.test("a successor takes over the admin address, though the replaced rws still drains", async (t) => {
  const address = await deadAddress()
  const { file } = await configure(t, () => address)
  const before = await untilServing(startRws(t, ["--config", file]))
  const client = await RawPeer.connect(before.address)
  client.write(upgradeHead())
  await client.untilText("\r\n\r\n")
  const { rws } = await untilServing(startRws(t, ["--replace", "--config", file]))
  await untilLogged(rws, ({ msg }) => msg === "admin server listening")
  t.equal((await ask(`http://${address}/api/status`)).json.totals.tunnels, 0)
  client.write("still there")
  await client.untilText("still there")
  client.socket.end()
  t.equal((await before.rws.untilExit()).code, 0)
  t.equal((await ask(`http://${address}/api/status`)).status, 200)
})

t.test("a Unix socket passes to the successor at once, and stays", async (t) => {
  const { file, bind } = await configure(t, (folder) => `unix:${join(folder, "admin.sock")}`)
  const before = await untilServing(startRws(t, ["--config", file]))
  await untilServing(startRws(t, ["--replace", "--config", file]))
  await before.rws.untilExit()
  const { code, stdout } = await runRws(t, ["ctl", "status", "--json", "--admin", bind])
  t.equal(code, 0)
  t.equal(JSON.parse(stdout).draining, false)
})

t.test("without --replace a taken admin address ends the start", async (t) => {
  const address = await deadAddress()
  const { file } = await configure(t, () => address)
  await untilServing(startRws(t, ["--config", file]))
  const other = await configure(t, () => address)
  const { code, stderr } = await runRws(t, ["--config", other.file])
  t.equal(code, 1)
  t.match(stderr, `cannot listen on ${address}: it is already in use`)
})
