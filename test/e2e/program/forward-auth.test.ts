/** nginx with auth_request and rws with forward_auth, side by side: the same service, the same verdicts. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { oauth2Answer, startHttpService } from "../../support/access/http-service.js"
import { parseAnswer, valuesIn } from "../../support/http/answer.js"
import { type Fields, upgradeHead } from "../../support/http/heads.js"
import { answerUpgrade, deadAddress, type RawBackend, startBackend } from "../../support/peers/backend.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { Program, serveFile, temporaryFolder } from "../../support/program/program.js"
import { isInstalled } from "../tls/terminator.js"

const nginx = (listen: string, service: string, backend: string) => `
  daemon off; pid FOLDER/nginx.pid; error_log stderr notice; events {}
  http {
    access_log off; client_body_temp_path FOLDER/b; proxy_temp_path FOLDER/p;
    fastcgi_temp_path FOLDER/f; uwsgi_temp_path FOLDER/u; scgi_temp_path FOLDER/s;
    server {
      listen ${listen};
      location / {
        auth_request /auth;
        auth_request_set $user $upstream_http_x_auth_request_user;
        proxy_set_header X-Auth-Request-User $user;
        proxy_pass http://${backend}; proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
      }
      location = /auth {
        internal;
        proxy_pass ${service}/oauth2/auth; proxy_pass_request_body off; proxy_read_timeout 1s;
        proxy_set_header X-Forwarded-Uri $request_uri; proxy_set_header Content-Length "";
      }
    }
  }`

const rws = (service: string, backend: string) => `
[[ws_proxy]]
bind = "127.0.0.1:0"
backends = ["${backend}"]
[ws_proxy.forward_auth]
url = "${service}/oauth2/auth"
timeout_ms = 1000
copy_headers = ["X-Auth-Request-User"]
`

interface Case {
  readonly title: string
  readonly fields: Fields
  readonly target?: string
  /** Any status from 500 on is one verdict: the service could not be asked. */
  readonly verdict: 101 | 401 | 403 | 500
  /** X-Auth-Request-User at the backend. */
  readonly user?: string
}

const GOOD = "_oauth2_proxy=ada"
const ADA = "ada@example.com"

const cases: readonly Case[] = [
  { title: "no credentials", fields: {}, verdict: 401 },
  { title: "a session", fields: { Cookie: GOOD }, verdict: 101, user: ADA },
  {
    title: "a session among other cookies",
    fields: { Cookie: `a=1; ${GOOD}; b=2` },
    verdict: 101,
    user: ADA,
  },
  { title: "a session at another path", fields: { Cookie: GOOD }, target: "/x?y=1", verdict: 101, user: ADA },
  { title: "a session in a query", fields: {}, target: `/?${GOOD}`, verdict: 401 },
  { title: "an unknown session", fields: { Cookie: "_oauth2_proxy=bob" }, verdict: 401 },
  { title: "an empty session", fields: { Cookie: "_oauth2_proxy=" }, verdict: 401 },
  { title: "another name in upper case", fields: { Cookie: "_OAUTH2_PROXY=ada" }, verdict: 401 },
  {
    title: "credentials that the service does not know",
    fields: { Authorization: "Basic YTpi" },
    verdict: 401,
  },
  { title: "a session of the wrong group", fields: { Cookie: "_oauth2_proxy=eve" }, verdict: 403 },
  {
    title: "a forged user with a session",
    fields: { Cookie: GOOD, "X-Auth-Request-User": "root@example.com" },
    verdict: 101,
    user: ADA,
  },
  {
    title: "a forged user with an underscore",
    fields: { Cookie: GOOD, X_Auth_Request_User: "root@example.com" },
    verdict: 101,
    user: ADA,
  },
  { title: "a forged user alone", fields: { "X-Auth-Request-User": "root@example.com" }, verdict: 401 },
  { title: "the service is broken", fields: { Cookie: "_oauth2_proxy=broken" }, verdict: 500 },
  { title: "the service breaks off", fields: { Cookie: "_oauth2_proxy=cut" }, verdict: 500 },
  { title: "the service hangs", fields: { Cookie: "_oauth2_proxy=hanging" }, verdict: 500 },
]

/** The verdict of a proxy about one request, and what its backend got. */
async function verdictOf(address: string, backend: RawBackend, { fields, target = "/chat" }: Case) {
  const before = backend.peers.length
  const client = await RawPeer.connect(address)
  client.write(upgradeHead({ ...fields, Host: "chat.example" }, `GET ${target} HTTP/1.1`))
  await client.untilText("\r\n\r\n")
  const answer = parseAnswer(client.text)
  const status = Number(answer.statusLine.split(" ")[1])
  client.socket.destroy()
  const asked = backend.peers.slice(before).map(({ text }) => text)
  const users = asked.flatMap((text) => text.match(/(?<=^x.auth.request.user: ).*(?=\r$)/gim) ?? [])
  return { verdict: Math.min(status, 500), challenge: valuesIn(answer, "www-authenticate"), users }
}

async function startNginx(t: Test, service: string, backend: string): Promise<string> {
  const listen = await deadAddress()
  const folder = await temporaryFolder(t)
  const file = join(folder, "nginx.conf")
  await writeFile(file, nginx(listen, service, backend).replaceAll("FOLDER", folder))
  const env = { PATH: [process.env.PATH, "/usr/local/sbin", "/usr/sbin", "/sbin"].join(":") }
  const program = Program.start(t, "nginx", ["-e", "stderr", "-c", file], {
    cwd: folder,
    env,
    end: "SIGTERM",
  })
  await program.untilOutput(/start worker process \d/)
  return listen
}

const skip = process.env.CI === undefined && !(await isInstalled("nginx")) && "nginx is not installed"

t.test("nginx and rws give the same verdicts", { skip }, async (t) => {
  const service = await startHttpService(t, oauth2Answer)
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer).catch(() => {}))
  const addresses = [
    await startNginx(t, service.origin, backend.address),
    (await serveFile(t, rws(service.origin, backend.address))).address,
  ]
  for (const one of cases) {
    const { title, verdict, user } = one
    const expected = {
      verdict,
      challenge: verdict === 401 ? ['Basic realm="chat"'] : [],
      users: user === undefined ? [] : [user],
    }
    for (const address of addresses) t.same(await verdictOf(address, backend, one), expected, title)
  }
})
