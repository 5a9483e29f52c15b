/** Endpoints from a registry: requests lead where its file or Redis says, also while it changes. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { closeOf, connectWs, echo, messagesOf, startWsBackend } from "../../support/peers/ws-backend.js"
import {
  runRws,
  type Serving,
  startRws,
  temporaryFolder,
  untilLogged,
  untilServing,
} from "../../support/program/program.js"
import { noRedis, startRedis } from "../../support/registry/redis-server.js"

const PAUSE_MS = 20
const MAX_TRIES = 500

interface World extends Serving {
  /** `rws endpoints` with these arguments; resolves to its output, or its error. */
  readonly change: (...args: readonly string[]) => Promise<string>
  readonly file: string
}

/** Serves with this registry, whose file is empty. */
async function serve(t: Test, registry: string, top = ""): Promise<World> {
  const folder = await temporaryFolder(t)
  const file = join(folder, "endpoints.toml")
  await writeFile(file, "")
  const config = join(folder, "rws.toml")
  await writeFile(
    config,
    `${top}
[registry.endpoints]
${registry.replace("FILE", file)}
[[ws_proxy]]
bind = "127.0.0.1:0"
registry = "endpoints"
registry_key = "query:endpointId"
`,
  )
  const serving = await untilServing(startRws(t, ["--config", config]))
  const change = async (...args: readonly string[]) => {
    const { stdout, stderr } = await runRws(t, ["endpoints", ...args, "--config", config])
    return stdout + stderr
  }
  return { ...serving, change, file }
}

async function statusOf(address: string, target: string): Promise<number> {
  const client = await RawPeer.connect(address)
  client.write(upgradeHead({}, `GET ${target} HTTP/1.1`))
  await client.untilText("\r\n\r\n")
  client.socket.destroy()
  return Number(client.text.split(" ")[1])
}

/** Repeats a question until the answer is the expected one: the file is watched with a delay. */
async function untilStatus(address: string, target: string, status: number): Promise<void> {
  let found: number | undefined
  for (let tries = 0; found !== status && tries < MAX_TRIES; tries++) {
    if (found !== undefined) await pause(PAUSE_MS)
    found = await statusOf(address, target)
  }
  if (found !== status) throw new Error(`${target} has status ${found} for too long, and not ${status}`)
}

t.test("a registry in a file: endpoints are found, refused, changed and reported", async (t) => {
  const backend = await startWsBackend(t, (session) => {
    echo(session)
    session.socket.once("message", () => session.socket.close(4001, session.request.url))
  })
  const { address, change, rws } = await serve(
    t,
    'store = "file"\nfile = "FILE"\nallow_destinations = ["127.0.0.1"]',
  )
  t.equal(await statusOf(address, "/chat?endpointId=room1"), 404)
  t.equal(await statusOf(address, "/chat"), 400)
  t.equal(
    await change("set", "room1", `ws://${backend.address}/base`),
    `room1 is active at ws://${backend.address}/base.\n`,
  )
  await untilStatus(address, "/chat?endpointId=room1", 101)
  const client = await connectWs(t, `ws://${address}/chat?a=1&endpointId=room1&b=2`)
  const next = messagesOf(client)
  client.send("text")
  t.match(await next(), { data: Buffer.from("text"), binary: false })
  t.same(await closeOf(client), { code: 4001, reason: "/base/chat?a=1&b=2" })
  const { endpoint, pool } = await untilLogged(rws, ({ bytes_from_client }) => bytes_from_client === 36)
  t.same([endpoint, pool], ["room1", "registry endpoints"])
  await change("disable", "room1")
  await untilStatus(address, "/chat?endpointId=room1", 403)
  await change("enable", "room1")
  await untilStatus(address, "/chat?endpointId=room1", 101)
  t.match(await change("list"), /^ENDPOINT +ACTIVE +URL\nroom1 +yes +ws:\/\/127/)
  await change("remove", "room1")
  await untilStatus(address, "/chat?endpointId=room1", 404)
})

t.test("without allow_destinations no endpoint leads into the network of rws", async (t) => {
  const backend = await startWsBackend(t, echo)
  const { address, change, rws } = await serve(t, 'store = "file"\nfile = "FILE"')
  await change("set", "room1", `ws://${backend.address}`)
  await untilStatus(address, "/?endpointId=room1", 403)
  const { error } = await untilLogged(rws, ({ reason }) => reason === "destination_refused")
  t.match(error, /allow_destinations permits no address of 127.0.0.1, port \d+: 127.0.0.1/)
  t.equal(backend.server.clients.size, 0)
})

t.test(
  "a registry in Redis: an outage is bridged, and a new server is found",
  { skip: noRedis },
  async (t) => {
    const backend = await startWsBackend(t, echo)
    const redis = await startRedis(t)
    const store = `store = "redis"\nurl = "${redis.url}"\nttl_ms = 1\nnegative_ttl_ms = 1\ntimeout_ms = 2000`
    const allowed = 'allow_destinations = ["127.0.0.0/8"]'
    const { address, change } = await serve(t, `${store}\n${allowed}`)
    const patient = await serve(t, `${store}\nstale_ms = 600000\n${allowed}`)
    t.equal(await statusOf(address, "/?endpointId=room1"), 404)
    t.equal(
      await change("set", "room1", `ws://${backend.address}`, "--max-connections", "5"),
      `room1 is active at ws://${backend.address}.\n`,
    )
    t.match(await change("get", "room1"), /"max_connections": 5/)
    t.match(await change("list", "--json"), /"room1": \{/)
    t.match(await change("remove", "room2"), /there is no endpoint "room2"/)
    await untilStatus(address, "/?endpointId=room1", 101)
    t.equal(await statusOf(patient.address, "/?endpointId=room1"), 101)
    await redis.kill()
    await untilStatus(address, "/?endpointId=room1", 503)
    t.equal(
      await statusOf(patient.address, "/?endpointId=room1"),
      101,
      "a known endpoint is used for a while",
    )
    t.equal(await statusOf(patient.address, "/?endpointId=room2"), 503, "nothing is known of others")
    t.match(await change("list"), /^Redis does not do it: /)
    await redis.restart()
    await untilStatus(address, "/?endpointId=room1", 404)
    await change("set", "room1", `ws://${backend.address}`)
    await untilStatus(address, "/?endpointId=room1", 101)
  },
)

t.test("rws check reads the endpoints in a file", async (t) => {
  const folder = await temporaryFolder(t)
  const [config, file] = [join(folder, "rws.toml"), join(folder, "endpoints.toml")]
  await writeFile(
    config,
    `[[ws_proxy]]
bind = "127.0.0.1:0"
registry = "rooms"
registry_key = "path:1"
[registry.rooms]
store = "file"
file = "${file}"
`,
  )
  const check = () => runRws(t, ["check", "--config", config])
  const missing = await check()
  t.equal(missing.code, 2)
  t.match(missing.stderr, /rws\.toml:7: registry\.rooms\.file: ".*" can't be read: there is no such file/)
  await writeFile(file, '[endpoints.a]\nurl = "ftp://chat.example"')
  const invalid = await check()
  t.equal(invalid.code, 2)
  t.match(invalid.stderr, /endpoints\.toml": endpoint "a": url: expected ws:/)
  await writeFile(file, '[endpoints.a]\nurl = "ws://chat.example"')
  t.equal((await check()).code, 0)
})
