/** What rws learns about TLS from a real HAProxy that passes bytes. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { WebSocket } from "ws"
import { deadAddress } from "../../support/peers/backend.js"
import { echo, nextSession, startWsBackend } from "../../support/peers/ws-backend.js"
import { Program, serveRws, temporaryFolder } from "../../support/program/program.js"
import { type Certificate, makeCertificate } from "./certificate.js"
import { isInstalled, PATH } from "./terminator.js"

const missing = async (command: string) =>
  !process.env.CI && !(await isInstalled(command)) && `${command} is not installed`
const skip = (await missing("openssl")) || (await missing("haproxy"))
const certificate = skip === false ? await makeCertificate(t, await temporaryFolder(t)) : undefined

const configFor = (bind: string, server: string) => `
  defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
  listen bytes
    bind ${bind}
    server rws ${server}
`

const cases: readonly {
  title: string
  tls: boolean
  sends: string
  flags: readonly string[]
  proto: string
}[] = [
  { title: "send-proxy-v2-ssl over TLS", tls: true, sends: "send-proxy-v2-ssl", flags: [], proto: "https" },
  {
    title: "send-proxy-v2-ssl-cn over TLS",
    tls: true,
    sends: "send-proxy-v2-ssl-cn proxy-v2-options crc32c",
    flags: [],
    proto: "https",
  },
  {
    title: "send-proxy-v2-ssl without TLS",
    tls: false,
    sends: "send-proxy-v2-ssl",
    flags: [],
    proto: "http",
  },
  { title: "send-proxy-v2, which hides TLS", tls: true, sends: "send-proxy-v2", flags: [], proto: "http" },
  {
    title: "send-proxy-v2, which hides TLS, with client_tls",
    tls: true,
    sends: "send-proxy-v2",
    flags: ["--client-tls"],
    proto: "https",
  },
  {
    title: "send-proxy with client_tls",
    tls: true,
    sends: "send-proxy",
    flags: ["--client-tls"],
    proto: "https",
  },
]

for (const { title, tls, sends, flags, proto } of cases) {
  t.test(`behind HAProxy with ${title} the backend learns of ${proto}`, { skip }, async (t) => {
    const backend = await startWsBackend(t, echo)
    const { address } = await serveRws(
      t,
      [backend.address],
      [...["--trusted-proxy", "127.0.0.1", "--accept-proxy-protocol", "--sticky-cookie", "sid"], ...flags],
    )
    const listen = await startHaproxy(t, `${address} ${sends}`, tls ? certificate : undefined)
    const session = nextSession(backend)
    const client = new WebSocket(`${tls ? "wss" : "ws"}://${listen}`, { rejectUnauthorized: false })
    t.teardown(() => client.terminate())
    const cookies = await new Promise<readonly string[]>((resolve, reject) => {
      client.once("upgrade", ({ headers }) => resolve(headers["set-cookie"] ?? []))
      client.once("error", reject)
    })
    t.match(cookies, [/^sid=/])
    t.equal(cookies.join().endsWith("; Secure"), proto === "https")
    t.match((await session).request.headers, {
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": proto,
      "x-forwarded-port": listen.split(":")[1] ?? "",
    })
  })
}

/** Returns its address. */
async function startHaproxy(t: Test, server: string, certificate: Certificate | undefined): Promise<string> {
  const listen = await deadAddress()
  const ssl = certificate === undefined ? "" : ` ssl crt ${certificate.bothFile} alpn http/1.1`
  const file = join(await temporaryFolder(t), "haproxy.cfg")
  await writeFile(file, configFor(`${listen}${ssl}`, server))
  const haproxy = Program.start(t, "haproxy", ["-W", "-db", "-f", file], { env: { PATH }, end: "SIGTERM" })
  await haproxy.untilOutput(/Loading success/)
  return listen
}
