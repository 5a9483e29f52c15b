import { once } from "node:events"
import type { IncomingMessage } from "node:http"
import t, { type Test } from "tap"
import { WebSocket } from "ws"
import { deadAddress, startBackend } from "../../support/peers/backend.js"
import { connectWs, nextSession, startWsBackend } from "../../support/peers/ws-backend.js"
import { serveRws } from "../../support/program/program.js"

t.test("the client gets the subprotocol that the backend selects", async (t) => {
  const backend = await startWsBackend(t, undefined, {
    handleProtocols: (offered) => (offered.has("chat.v2") ? "chat.v2" : false),
  })
  const { address } = await serveRws(t, [backend.address])
  for (const [offered, chosen] of [
    [["chat.v1", "chat.v2", "chat.v3"], "chat.v2"],
    [["chat.v2"], "chat.v2"],
    [[], ""],
  ] as const) {
    const session = nextSession(backend)
    const client = new WebSocket(`ws://${address}`, [...offered])
    t.teardown(() => client.terminate())
    await once(client, "open")
    t.equal(client.protocol, chosen, `of [${offered}]`)
    t.equal((await session).socket.protocol, chosen)
    t.equal((await session).request.headers["sec-websocket-protocol"], offered.join(",") || undefined)
  }
})

t.test("the client gets the extension parameters that the backend accepted", async (t) => {
  const backend = await startWsBackend(t, undefined, {
    perMessageDeflate: { serverNoContextTakeover: true, clientMaxWindowBits: 10 },
  })
  const { address } = await serveRws(t, [backend.address])
  const session = nextSession(backend)
  const agreed = once(backend.server, "headers")
  const client = new WebSocket(`ws://${address}`, { perMessageDeflate: { clientMaxWindowBits: 12 } })
  t.teardown(() => client.terminate())
  const [answer] = (await once(client, "upgrade")) as [IncomingMessage]
  const extensions = String(answer.headers["sec-websocket-extensions"])
  t.match(extensions, "client_max_window_bits=10")
  t.match(extensions, "server_no_context_takeover")
  t.ok((await agreed)[0].includes(`Sec-WebSocket-Extensions: ${extensions}`), "unchanged from the backend")
  t.match(
    (await session).request.headers["sec-websocket-extensions"],
    /^permessage-deflate; client_max_window_bits=12$/,
  )
})

t.test("cookies and other fields of the backend's 101 reach the client", async (t) => {
  const backend = await startWsBackend(t)
  backend.server.on("headers", (headers) => {
    headers.push("Set-Cookie: id=1; Path=/; HttpOnly", "Set-Cookie: lang=de", "X-Served-By: chat: one")
  })
  const { address } = await serveRws(t, [backend.address])
  const client = new WebSocket(`ws://${address}`)
  t.teardown(() => client.terminate())
  const [answer] = (await once(client, "upgrade")) as [IncomingMessage]
  t.strictSame(answer.headers["set-cookie"], ["id=1; Path=/; HttpOnly", "lang=de"])
  t.equal(answer.headers["x-served-by"], "chat: one")
})

t.test("the request's target and fields reach the backend unchanged", async (t) => {
  const backend = await startWsBackend(t)
  const { address } = await serveRws(t, [backend.address])
  const session = nextSession(backend)
  await connectWs(t, `ws://${address}/room/7%2F8?token=a%3Db&x=1`, {
    origin: "https://shop.example",
    headers: { Cookie: "id=1; theme=dark", Authorization: "Basic YTpi", "X-Mixed-CASE": "1: 2: 3" },
  })
  const { url, headers, rawHeaders } = (await session).request
  t.equal(url, "/room/7%2F8?token=a%3Db&x=1")
  t.match(headers, {
    host: backend.address,
    origin: "https://shop.example",
    cookie: "id=1; theme=dark",
    authorization: "Basic YTpi",
  })
  t.equal(rawHeaders[rawHeaders.indexOf("X-Mixed-CASE") + 1], "1: 2: 3")
})

/** The HTTP response that a client gets instead of a 101. */
async function refusalOf(url: string): Promise<{ answer: IncomingMessage; body: string }> {
  const client = new WebSocket(url)
  const [request, answer] = await once(client, "unexpected-response")
  let body = ""
  for await (const piece of answer) body += piece
  request.destroy()
  return { answer, body }
}

t.test("a client gets the backend's 401 with its fields and body", async (t) => {
  const backend = await startWsBackend(t, undefined, {
    verifyClient: (_info, answer) =>
      answer(false, 401, "your token has expired", { "WWW-Authenticate": 'Bearer realm="chat"' }),
  })
  const { address } = await serveRws(t, [backend.address])
  const { answer, body } = await refusalOf(`ws://${address}`)
  t.equal(answer.statusCode, 401)
  t.equal(answer.headers["www-authenticate"], 'Bearer realm="chat"')
  t.equal(body, "your token has expired")
})

/** A backend that sends this response to every request. */
async function startRefusing(t: Test, answer: string): Promise<string> {
  const { address } = await startBackend(t, async (peer) => {
    await peer.untilText("\r\n\r\n")
    peer.write(answer)
  })
  return address
}

t.test("a client gets a long chunked refusal of the backend whole", async (t) => {
  const page = "we are closed\n".repeat(50_000)
  const refusing = await startRefusing(
    t,
    "HTTP/1.1 503 Closed\r\nTransfer-Encoding: chunked\r\nRetry-After: 60\r\n\r\n" +
      `${page.length.toString(16)}\r\n${page}\r\n0\r\n\r\n`,
  )
  const { address } = await serveRws(t, [refusing])
  const { answer, body } = await refusalOf(`ws://${address}`)
  t.equal(answer.statusCode, 503)
  t.equal(answer.statusMessage, "Closed")
  t.equal(answer.headers["retry-after"], "60")
  t.ok(body === page, `${body.length} of ${page.length} characters`)
})

t.test("a client follows the backend's redirect", async (t) => {
  const other = await startWsBackend(t)
  const location = `ws://${other.address}/moved`
  const moved = await startRefusing(
    t,
    `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`,
  )
  const { address } = await serveRws(t, [moved])
  const session = nextSession(other)
  await connectWs(t, `ws://${address}/here`, { followRedirects: true })
  t.equal((await session).request.url, "/moved")
})

t.test("a client gets a 502 with an explanation when no backend is up", async (t) => {
  const { address } = await serveRws(t, [await deadAddress(), await deadAddress()])
  const { answer, body } = await refusalOf(`ws://${address}`)
  t.equal(answer.statusCode, 502)
  t.equal(body, "no backend could be reached\n")
})
