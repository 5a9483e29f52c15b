/** HTTP servers that rws asks: an authorization service, an issuer's key set, or the store of a registry. */
import { once } from "node:events"
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http"
import type { Test } from "tap"

export interface HttpService {
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string
  readonly server: Server
  /** All requests so far. */
  readonly requests: readonly IncomingMessage[]
  /** How many connections there were. */
  readonly connections: number
}

/** Starts a server on a free port. It is closed when the test ends. */
export async function startHttpService(t: Test, onRequest: RequestListener): Promise<HttpService> {
  const requests: IncomingMessage[] = []
  let connections = 0
  const server = createServer((request, response) => {
    requests.push(request)
    onRequest(request, response)
  })
  server.on("connection", () => {
    connections++
  })
  const address = await listenLocally(t, server)
  return {
    origin: `http://${address}`,
    server,
    requests,
    get connections() {
      return connections
    },
  }
}

/** Users by the value of their session cookie. */
const SESSIONS: ReadonlyMap<string, { user: string; groups: string }> = new Map([
  ["ada", { user: "ada@example.com", groups: "staff,chat" }],
  ["eve", { user: "eve@example.com", groups: "guests" }],
])

/**
 * Answers as oauth2-proxy does: 202 for a session, 403 for groups that may not come here. Without a session
 * it is a 401 at `/oauth2/auth`, which is made for nginx, else a 302 to the login. Sessions named "broken",
 * "cut" and "hanging" get what their names say.
 */
export function oauth2Answer({ headers, url = "" }: IncomingMessage, response: ServerResponse): void {
  const name = /(?:^|; *)_oauth2_proxy=([^;]*)/.exec(headers.cookie ?? "")?.[1] ?? ""
  if (name === "hanging") return
  if (name === "cut") return void response.destroy()
  if (name === "broken") return void response.writeHead(500).end("broken")
  const session = SESSIONS.get(name)
  if (session === undefined && url.startsWith("/oauth2/auth")) {
    response.writeHead(401, { "WWW-Authenticate": 'Basic realm="chat"' }).end("Unauthorized")
  } else if (session === undefined) {
    const back = encodeURIComponent(String(headers["x-forwarded-uri"]))
    response.writeHead(302, [
      ["Location", `https://login.example.com/start?rd=${back}`],
      ["Set-Cookie", "_oauth2_proxy_csrf=1; Path=/; HttpOnly"],
      ["Set-Cookie", "_oauth2_proxy=; Path=/; Max-Age=0"],
    ])
    response.end("Found")
  } else if (!session.groups.split(",").includes("chat")) {
    response.writeHead(403, { "Content-Type": "text/html" }).end("<h1>Not for your groups</h1>")
  } else {
    const { user, groups } = session
    response.writeHead(202, { "X-Auth-Request-User": user, "X-Auth-Request-Groups": groups }).end()
  }
}

/** Listens on a free port until the test ends. Resolves to `127.0.0.1:PORT`. */
export async function listenLocally(t: Test, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("not bound to a port")
  return `127.0.0.1:${bound.port}`
}
