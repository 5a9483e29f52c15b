import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { type IncomingHttpHeaders, type IncomingMessage, STATUS_CODES } from "node:http"
import type { LookupFunction } from "node:net"
import type { ConnectionOptions, TLSSocket } from "node:tls"
import t, { type Test } from "tap"
import { type ClientOptions, WebSocket } from "ws"
import { deadAddress } from "../../support/peers/backend.js"
import {
  closeOf,
  connectPair,
  connectWs,
  echo,
  messagesOf,
  nextSession,
  startWsBackend,
  type WsBackend,
} from "../../support/peers/ws-backend.js"
import { serveRws, temporaryFolder } from "../../support/program/program.js"
import { type Certificate, HOST, makeCertificate } from "./certificate.js"
import { isInstalled, startTerminator, TERMINATORS, type Terminator } from "./terminator.js"

const MIB = 1024 * 1024

/** In CI every terminator must be installed; elsewhere the tests of missing ones are skipped. */
async function skipUnlessInstalled(command: string, debian: string): Promise<string | false> {
  if (process.env.CI || (await isInstalled(command))) return false
  return `${command} is not installed; on Debian: apt-get install ${debian}`
}

interface Chain {
  readonly backend: WsBackend
  /** The URL at the terminator, without a path. */
  readonly url: string
  /** Options of a client that trusts the test's certificate and resolves its host. */
  readonly options: ClientOptions & ConnectionOptions
}

/** Client → terminator → rws → backend. The backend refuses the path /forbidden and echoes on the others. */
async function startChain(t: Test, terminator: Terminator, certificate: Certificate): Promise<Chain> {
  const backend = await startWsBackend(t, echo, {
    handleProtocols: (offered) => (offered.has("chat.v2") ? "chat.v2" : false),
    perMessageDeflate: true,
    verifyClient: ({ req }, answer) => answer(req.url !== "/forbidden", 401, "no token"),
  })
  backend.server.on("headers", (headers) => headers.push("Set-Cookie: a=1", "Set-Cookie: b=2"))
  const flags = ["--host-header", "client", "--trusted-proxy", "127.0.0.1"]
  if (!terminator.forwards) flags.push("--accept-proxy-protocol")
  const { address } = await serveRws(t, [backend.address], flags)
  const listen = await deadAddress()
  await startTerminator(t, terminator, { listen, rws: address, certificate })
  const [host = "", port] = listen.split(":")
  return {
    backend,
    url: `wss://${HOST}:${port}`,
    options: { ca: certificate.ca, lookup: lookupOf(host), perMessageDeflate: false },
  }
}

/** The address of forging clients. It differs from the terminator's. */
const CLIENT = "127.0.0.2"
/** Forged forwarding fields. */
const FORGED = {
  "X-Forwarded-For": "203.0.113.9",
  "X-Forwarded-Host": "forged.example",
  "X-Forwarded-Port": "9",
  "X-Forwarded-Proto": "gopher",
  "X-Forwarded-Prefix": "/forged",
  "X-Real-IP": "203.0.113.9",
  Forwarded: "for=203.0.113.9;host=forged.example;proto=gopher",
  X_Forwarded_For: "203.0.113.9",
  X_Real_IP: "203.0.113.9",
}

/** The forwarding fields among those that a backend has received. */
function namingFields(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const names = /^(?:forwarded|x.forwarded.*|x.real.ip)$/
  return Object.fromEntries(Object.entries(headers).filter(([name]) => names.test(name)))
}

/** A lookup with one fixed result. */
function lookupOf(address: string): LookupFunction {
  return (_host, { all }, resolved) =>
    all === true ? resolved(null, [{ address, family: 4 }]) : resolved(null, address, 4)
}

const noOpenssl = await skipUnlessInstalled("openssl", "openssl")
const certificate = noOpenssl === false ? await makeCertificate(t, await temporaryFolder(t)) : undefined

for (const terminator of TERMINATORS) {
  const { command, debian, forwards, http2 } = terminator
  const skip = noOpenssl || (await skipUnlessInstalled(command, debian))

  t.test(`a wss:// client through ${command} as the README configures it`, { skip }, async (t) => {
    if (certificate === undefined) throw new Error("no certificate")
    const chain = await startChain(t, terminator, certificate)
    const { backend, url, options } = chain

    t.test("sends and receives text, binary and 8 MiB", async (t) => {
      const client = await connectWs(t, url, options)
      const next = messagesOf(client)
      for (const message of ["", "grüße 🙂", Buffer.from([0, 1, 254, 255]), randomBytes(8 * MIB)]) {
        client.send(message)
        const { data, binary } = await next()
        t.equal(binary, typeof message !== "string")
        t.ok(data.equals(Buffer.from(message)), `${message.length} whole`)
      }
    })

    t.test("negotiates permessage-deflate with the backend", async (t) => {
      const client = await connectWs(t, url, { ...options, perMessageDeflate: true })
      t.equal(client.extensions, "permessage-deflate")
      const next = messagesOf(client)
      client.send("a".repeat(MIB))
      t.equal(String((await next()).data), "a".repeat(MIB))
    })

    t.test("gets the backend's choice of subprotocol and its cookies", async (t) => {
      const client = new WebSocket(`${url}/room?x=1`, ["chat.v1", "chat.v2"], options)
      t.teardown(() => client.terminate())
      const session = nextSession(backend)
      const [answer] = (await once(client, "upgrade")) as [IncomingMessage]
      t.equal(client.protocol, "chat.v2")
      t.strictSame(answer.headers["set-cookie"], ["a=1", "b=2"])
      t.equal((await session).request.url, "/room?x=1")
    })

    t.test("reaches the backend with its own host", async (t) => {
      const session = nextSession(backend)
      await connectWs(t, url, options)
      const { headers } = (await session).request
      t.equal(headers.host, new URL(url).host)
      t.equal(headers["x-forwarded-for"], forwards ? "127.0.0.1, 127.0.0.1" : "127.0.0.1")
    })

    t.test("can't forge its address", async (t) => {
      const { host, port } = new URL(url)
      for (const headers of [{}, FORGED]) {
        const session = nextSession(backend)
        await connectWs(t, url, { ...options, localAddress: CLIENT, headers })
        t.strictSame(namingFields((await session).request.headers), {
          "x-forwarded-for": forwards ? `${CLIENT}, 127.0.0.1` : CLIENT,
          "x-forwarded-host": host,
          "x-forwarded-port": port,
          "x-forwarded-proto": "https",
        })
      }
    })

    for (const side of ["client", "backend"] as const) {
      for (const code of [1000, 1011, 4001]) {
        t.test(`passes on the close code ${code} of the ${side}`, async (t) => {
          const pair = await connectPair(t, url, backend, options)
          const ends = Promise.all([closeOf(pair.client), closeOf(pair.backend)])
          pair[side].close(code, "over")
          t.strictSame(await ends, [
            { code, reason: "over" },
            { code, reason: "over" },
          ])
        })
      }
    }

    t.test("gets the backend's refusal", async (t) => {
      const client = new WebSocket(`${url}/forbidden`, options)
      const [request, answer] = await once(client, "unexpected-response")
      let body = ""
      for await (const piece of answer) body += piece
      request.destroy()
      t.equal(`${answer.statusCode} ${STATUS_CODES[answer.statusCode]}`, "401 Unauthorized")
      t.equal(body, "no token")
    })

    t.test("pings the backend and is pinged by it", async (t) => {
      const pair = await connectPair(t, url, backend, options)
      for (const from of [pair.client, pair.backend]) {
        const pong = once(from, "pong")
        from.ping("there?")
        t.equal(String((await pong)[0]), "there?")
      }
    })

    t.test("is one of fifty concurrent clients", async (t) => {
      const talks = Array.from({ length: 50 }, async (_, name) => {
        const client = await connectWs(t, url, options)
        const next = messagesOf(client)
        client.send(`I am ${name}`)
        return String((await next()).data)
      })
      t.strictSame(
        await Promise.all(talks),
        talks.map((_, name) => `I am ${name}`),
      )
    })

    const other = http2 && `${command} talks HTTP/2 as well, and browsers don't offer it for wss://`
    t.test("speaks HTTP/1.1 even if it offers HTTP/2", { skip: other }, async (t) => {
      const offering: ConnectionOptions = { ...options, ALPNProtocols: ["h2", "http/1.1"] }
      const client = new WebSocket(url, offering)
      t.teardown(() => client.terminate())
      const [answer] = (await once(client, "upgrade")) as [IncomingMessage]
      t.equal((answer.socket as TLSSocket).alpnProtocol, "http/1.1")
    })
  })
}
