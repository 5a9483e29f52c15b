import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { startEchoBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { socketFolder } from "../../support/peers/socket-folder.js"
import { type Program, runRws, startRws, untilLogged, untilServing } from "../../support/program/program.js"

interface Served {
  readonly rws: Program
  readonly address: string
  readonly backends: readonly string[]
  readonly file: string
  readonly admin: string
  /** Runs `rws ctl` by the configuration file. */
  ctl(...args: readonly string[]): ReturnType<typeof runRws>
}

/** An rws with its admin server on a Unix socket. */
async function serve(t: Test, keys = ""): Promise<Served> {
  const backends = [await startEchoBackend(t), await startEchoBackend(t)].map(({ address }) => address)
  const folder = socketFolder(t)
  const file = join(folder, "rws.toml")
  const admin = `unix:${join(folder, "admin.sock")}`
  await writeFile(
    file,
    `[admin]
    bind = "${admin}"
    ${keys}
    [pool.chat]
    backends = ${JSON.stringify(backends)}
    [[ws_proxy]]
    name = "front"
    bind = "127.0.0.1:0"
    drain_spread_ms = 0
    pool = "chat"`,
  )
  const { rws, address } = await untilServing(startRws(t, ["--config", file]))
  const ctl = (...args: readonly string[]) => runRws(t, ["ctl", ...args, "--config", file])
  return { rws, address, backends, file, admin, ctl }
}

async function open(address: string): Promise<RawPeer> {
  const client = await RawPeer.connect(address)
  client.write(upgradeHead())
  return client.untilText("\r\n\r\n")
}

t.test("rws ctl shows what rws does", async (t) => {
  const { ctl, address, backends, admin } = await serve(t)
  const client = await open(address)
  t.match(await ctl("status"), { code: 0, stdout: /^tunnels {3}1 at present, 1 in all$/m })
  t.match(await ctl("listeners"), { stdout: /^front +127\.0\.0\.1:\d+ +1/m })
  const pools = await ctl("pools")
  for (const backend of backends) t.match(pools.stdout, new RegExp(`^chat +${backend} +up +1 `, "m"))
  const { stdout } = await ctl("sessions", "--stage", "tunnel")
  t.match(stdout, /^ID +AGE +CLIENT/)
  const [id = ""] = /^\d+\.\d+\.\d+/m.exec(stdout) ?? []
  const json = await ctl("sessions", "--json", "--backend", "other:1")
  t.strictSame(JSON.parse(json.stdout), { total: 0, sessions: [] })
  t.match(await ctl("close", id), { code: 0, stdout: `session ${id} is closed\n` })
  await client.untilEnd()
  client.socket.end()
  t.match(await ctl("ended"), { stdout: /admin_close +closed through the admin API/ })
  t.match(await ctl("close", id), { code: 1, stderr: /no session/ })
  const byAddress = await runRws(t, ["ctl", "status", "--json", "--admin", admin])
  t.equal(JSON.parse(byAddress.stdout).totals.tunnels, 1)
})

t.test("rws ctl events prints one line per event, and ends with rws", async (t) => {
  const { file, address, backends, rws } = await serve(t)
  const args = ["ctl", "events", "--config", file]
  const [plain, json] = [startRws(t, args), startRws(t, [...args, "--json"])]
  // Until both read.
  for (let sessions = 0; !/ open /.test(plain.stdout) || !/"open"/.test(json.stdout); sessions++) {
    const client = await open(address)
    client.socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 100))
    t.ok(sessions < 100)
  }
  rws.signal("SIGTERM")
  for (const program of [plain, json]) t.match(await program.untilExit(), { code: 0 })
  t.match(
    plain.stdout,
    new RegExp(
      `^\\S+Z open listener=front client=\\S+ pool=chat backend=(${backends.join("|")}) path=/`,
      "m",
    ),
  )
  t.match(plain.stdout, /^\S+Z drain listener=front$/m)
  t.match(plain.stdout, /^\S+Z stop listener=front cut=0$/m)
  const events = json.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
  t.match(events.at(-1), { event: "stop", data: { listener: "front", cut: 0 } })
})

t.test("rws ctl changes backends, the log level and the configuration", async (t) => {
  const { ctl, rws, address, backends } = await serve(t)
  const [first = "", second = ""] = backends
  t.match(await ctl("drain", first), { code: 0, stdout: `pool chat: backend ${first} drain false -> true\n` })
  t.match(await ctl("undrain", first), { code: 0 })
  t.match(await ctl("weight", first, "5"), { code: 0, stdout: /weight 1 -> 5/ })
  t.match(await ctl("add", "127.0.0.1:1", "--weight", "0"), {
    code: 0,
    stdout: /backend 127\.0\.0\.1:1 added/,
  })
  t.match(await ctl("remove", second), { code: 0 })
  t.match(await ctl("remove", second), { code: 1, stderr: /no backend/ })
  const client = await open(address)
  t.match(await ctl("close", "--backend", first), { code: 0, stdout: `closing 1 tunnel of ${first}\n` })
  await client.untilEnd()
  client.socket.end()
  t.match(await ctl("log-level", "debug"), { code: 0 })
  t.match(await ctl("reload"), { code: 0, stdout: /log\.level "debug" -> "info"/ })
  t.match(await ctl("reload"), { code: 0, stdout: "nothing has changed\n" })
  await untilLogged(rws, ({ msg }) => String(msg).startsWith("reloaded: nothing"))
})

t.test("a reload of a file that is not valid is refused with its problems", async (t) => {
  const { ctl, file, admin } = await serve(t)
  await writeFile(file, "workers = 0")
  t.equal((await ctl("status")).code, 2, "the file can't tell the address any more")
  const { code, stderr } = await runRws(t, ["ctl", "reload", "--admin", admin])
  t.equal(code, 1)
  t.match(stderr, /the running configuration stays\n +.*rws\.toml:1: workers/)
})

t.test("the token comes from the configuration, the environment or a file", async (t) => {
  const { ctl, admin, file } = await serve(t, 'token = "correct-horse-battery"')
  t.equal((await ctl("status")).code, 0)
  const args = ["ctl", "status", "--admin", admin]
  t.match(await runRws(t, args), { code: 1, stderr: /expected the token.*--token-file/ })
  t.equal((await runRws(t, args, { env: { RWS_ADMIN_TOKEN: "correct-horse-battery" } })).code, 0)
  t.equal(
    (await runRws(t, ["ctl", "status", "--config", file], { env: { RWS_ADMIN_TOKEN: "" } })).code,
    0,
    "an empty one counts as unset",
  )
  const tokenFile = `${file}.token`
  await writeFile(tokenFile, "correct-horse-battery\n")
  t.equal((await runRws(t, [...args, "--token-file", tokenFile])).code, 0)
  t.match(await runRws(t, [...args, "--token-file", "/nowhere"]), { code: 1, stderr: /can't be read/ })
  await writeFile(tokenFile, "two\nlines")
  t.match(await runRws(t, [...args, "--token-file", tokenFile]), { code: 1, stderr: /^the token has .*\n$/ })
})

const usage: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["an unknown order", ["ctl", "explode"], /explode/],
  ["a missing argument", ["ctl", "drain", "--admin", "127.0.0.1:1"], /expected rws ctl drain BACKEND/],
  ["one argument too many", ["ctl", "status", "now", "--admin", "127.0.0.1:1"], /one argument too many/],
  ["a close of nothing", ["ctl", "close", "--admin", "127.0.0.1:1"], /expected rws ctl close ID/],
  [
    "an address that is none",
    ["ctl", "status", "--admin", "nowhere"],
    /--admin: "nowhere" is not an address/,
  ],
  ["an interval that is too short", ["top", "--interval-ms", "1", "--admin", "127.0.0.1:1"], /at least 200/],
]

for (const [title, args, message] of usage) {
  t.test(`${title} is a usage error`, async (t) => {
    t.match(await runRws(t, args), { code: 2, stderr: message })
  })
}

t.test("an rws that is not there is said so", async (t) => {
  const { code, stderr } = await runRws(t, ["ctl", "status", "--admin", "127.0.0.1:1"])
  t.equal(code, 1)
  t.match(stderr, /^admin server 127\.0\.0\.1:1: .*ECONNREFUSED/)
})

t.test("rws top writes one line per refresh when its output is not a terminal", async (t) => {
  const { address, admin } = await serve(t)
  await open(address)
  const { code, stdout } = await runRws(t, ["top", "--admin", admin, "--interval-ms", "200", "--count", "2"])
  t.equal(code, 0)
  t.match(stdout, /^(\d{4}-\S+ tunnels=1 sessions=1 new\/s=\d+ refused\/s=0 \S+=\d+ \S+=\d+\n){2}$/)
})
