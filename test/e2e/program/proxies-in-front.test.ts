/** nginx and HAProxy in front of the real program, each reporting the client's address in its own way. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { answerUpgrade, deadAddress, startBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { Program, serveFile, temporaryFolder, untilLogged } from "../../support/program/program.js"
import { isInstalled } from "../tls/terminator.js"

const PATH = [process.env.PATH, "/usr/local/sbin", "/usr/sbin", "/sbin"].join(":")

/** Starts a proxy with this configuration, on a port that was free a moment ago. */
async function startFront(
  t: Test,
  command: string,
  args: (file: string) => string[],
  text: string,
  ready: RegExp,
) {
  const folder = await temporaryFolder(t)
  const file = join(folder, "front.conf")
  await writeFile(file, text.replaceAll("FOLDER", folder))
  const program = Program.start(t, command, args(file), { cwd: folder, env: { PATH }, end: "SIGTERM" })
  await program.untilOutput(ready)
}

const nginx = (listen: string, rws: string) => `
  daemon off; pid FOLDER/nginx.pid; error_log stderr notice; events {}
  http {
    access_log off; client_body_temp_path FOLDER/b; proxy_temp_path FOLDER/p;
    fastcgi_temp_path FOLDER/f; uwsgi_temp_path FOLDER/u; scgi_temp_path FOLDER/s;
    server {
      listen ${listen};
      location / {
        proxy_pass http://${rws}; proxy_http_version 1.1; proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto https;
      }
    }
  }`

const haproxy = (send: string) => (listen: string, rws: string) =>
  `
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen front
    bind ${listen}
    server rws ${rws} ${send}
`

interface Front {
  readonly title: string
  readonly command: string
  readonly args: (file: string) => string[]
  readonly config: (listen: string, rws: string) => string
  readonly ready: RegExp
  /** Keys of the listener. */
  readonly keys: string
  /** X-Forwarded-For at the backend, for a client at 127.0.0.2 that claims to be 203.0.113.9. */
  readonly forwardedFor: string
  readonly client: RegExp
}

const HAPROXY = {
  command: "haproxy",
  args: (file: string) => ["-W", "-db", "-f", file],
  ready: /Loading success/,
  keys: 'trusted_proxies = ["127.0.0.1"]\naccept_proxy_protocol = true\n',
  forwardedFor: "127.0.0.2",
  client: /^127\.0\.0\.2:\d+$/,
}

const fronts: readonly Front[] = [
  {
    title: "nginx with X-Forwarded-For",
    command: "nginx",
    args: (file) => ["-e", "stderr", "-c", file],
    config: nginx,
    ready: /start worker process \d/,
    keys: 'trusted_proxies = ["127.0.0.1"]\n',
    forwardedFor: "203.0.113.9, 127.0.0.2, 127.0.0.1",
    client: /^127\.0\.0\.2$/,
  },
  { title: "HAProxy with PROXY v1", ...HAPROXY, config: haproxy("send-proxy") },
  { title: "HAProxy with PROXY v2", ...HAPROXY, config: haproxy("send-proxy-v2") },
  {
    title: "HAProxy with PROXY v2 and a checksum",
    ...HAPROXY,
    config: haproxy("send-proxy-v2 proxy-v2-options crc32c"),
  },
]

for (const { title, command, args, config, ready, keys, forwardedFor, client: logged } of fronts) {
  const skip = process.env.CI === undefined && !(await isInstalled(command)) && `${command} is not installed`
  t.test(
    `behind ${title} the backend and the log get the client's real address, not a forged one`,
    { skip },
    async (t) => {
      const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
      const { rws, address } = await serveFile(
        t,
        `[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ["${backend.address}"]\n${keys}`,
      )
      const listen = await deadAddress()
      await startFront(t, command, args, config(listen, address), ready)
      const client = await RawPeer.connect(listen, { localAddress: "127.0.0.2" })
      await client.write(upgradeHead({ "X-Forwarded-For": "203.0.113.9" })).untilText("\r\n\r\n")
      t.match(client.text, /^HTTP\/1\.1 101 /)
      const { text, socket } = await backend.peer()
      t.same(text.match(/(?<=^X-Forwarded-For: ).*(?=\r$)/gim), [forwardedFor])
      client.socket.end()
      socket.end()
      const line = await untilLogged(rws, ({ msg }) => msg === "session ended")
      t.match(line, { client: logged, via: /^127\.0\.0\.1:\d+$/ })
    },
  )
}

for (const version of ["v1", "v2"] as const) {
  const skip = process.env.CI === undefined && !(await isInstalled("haproxy")) && "haproxy is not installed"
  t.test(`HAProxy as a backend reads the PROXY header ${version} that rws sends`, { skip }, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
    const listen = await deadAddress()
    const text = `
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen back
    bind ${listen} accept-proxy
    http-request set-header X-Seen %[src]
    server backend ${backend.address}
`
    await startFront(t, "haproxy", HAPROXY.args, text, HAPROXY.ready)
    const { address } = await serveFile(
      t,
      `[[ws_proxy]]\nbind = "127.0.0.1:0"\nbackends = ["${listen}"]\nsend_proxy_protocol = "${version}"\n`,
    )
    const client = await RawPeer.connect(address, { localAddress: "127.0.0.3" })
    await client.write(upgradeHead()).untilText("\r\n\r\n")
    t.match(client.text, /^HTTP\/1\.1 101 /)
    t.match((await backend.peer()).text, /^x-seen: 127\.0\.0\.3\r$/im)
  })
}
