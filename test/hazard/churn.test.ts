/** Sessions that end in every possible way leave no socket and no memory behind. */
import { connect, type Socket } from "node:net"
import t from "tap"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { startBackend } from "../support/peers/backend.js"
import { forkProxy } from "../support/program/fork-proxy.js"
import type { Measure } from "../support/program/measured-proxy.js"

const SESSIONS = 10_000
const ROUNDS = 5
const AT_ONCE = 50
/** A hundred bytes for each session after the first round. */
const MAY_GROW_BYTES = 800_000

/** How the backend responds to a request for this path. */
const backendActs: Readonly<Record<string, (socket: Socket) => void>> = {
  "/echo": (socket) => {
    socket.write(answerHead())
    socket.pipe(socket)
  },
  "/end": (socket) => socket.end(`${answerHead()}bye`),
  "/reset": (socket) => {
    socket.write(answerHead())
    socket.once("data", () => socket.resetAndDestroy())
  },
  "/refuse": (socket) => socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!"),
  "/chunks": (socket) =>
    socket.write("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n!\r\n0\r\n\r\n"),
  "/die": (socket) => socket.destroy(),
  "/garbage": (socket) => socket.write("what?\r\n"),
  "/silent": () => {},
}

type Session = (client: Socket) => void

const request = (path: string) => upgradeHead({}, `GET ${path} HTTP/1.1`)

/** Sends a request, and acts when the first bytes of the response have arrived. */
const ask =
  (path: string, then: Session): Session =>
  (client) => {
    client.write(request(path))
    client.once("data", () => then(client))
  }

const end: Session = (client) => client.end()
const echoThen =
  (then: Session): Session =>
  (client) => {
    client.write("hello")
    client.once("data", () => then(client))
  }

const sessions: readonly Session[] = [
  ask("/echo", echoThen(end)),
  ask(
    "/echo",
    echoThen((client) => client.destroy()),
  ),
  ask(
    "/echo",
    echoThen((client) => client.resetAndDestroy()),
  ),
  ask("/echo", (client) => client.end("x".repeat(100_000))),
  ask("/end", end),
  ask("/end", (client) => client.resetAndDestroy()),
  ask("/reset", (client) => client.write("hello")),
  ask("/refuse", end),
  ask("/chunks", end),
  ask("/die", end),
  ask("/garbage", end),
  (client) => client.end(),
  (client) => client.resetAndDestroy(),
  (client) => client.end(request("/echo").slice(0, 60)),
  (client) => client.write(request("/echo").slice(0, 60), () => client.resetAndDestroy()),
  (client) => client.end(request("/silent")),
  (client) => client.write(`${request("/silent")}early`, () => client.resetAndDestroy()),
  (client) => {
    client.write("\0nonsense")
    client.once("data", () => end(client))
  },
  (client) => {
    client.write(upgradeHead({ "Sec-WebSocket-Version": "8" }) + "x".repeat(70_000))
    client.once("data", () => end(client))
  },
]

async function run(port: number, session: Session): Promise<void> {
  const client = connect({ port, host: "127.0.0.1", noDelay: true })
  client.on("error", () => {})
  client.on("connect", () => session(client))
  client.resume()
  await new Promise((resolve) => client.once("close", resolve))
}

t.test(`${SESSIONS} sessions that end in mixed ways leave no socket and no growing memory`, async (t) => {
  const backend = await startBackend(t)
  backend.server.removeAllListeners("connection")
  const atBackend = new Set<Socket>()
  t.teardown(() => {
    for (const socket of atBackend) socket.destroy()
  })
  backend.server.on("connection", (socket) => {
    atBackend.add(socket)
    socket.on("close", () => atBackend.delete(socket))
    socket.on("error", () => {})
    socket.on("end", () => socket.end())
    socket.once("data", (bytes) => {
      const [, path = ""] = bytes.toString("latin1").split(" ")
      backendActs[path]?.(socket)
    })
  })

  const proxy = await forkProxy(t, { backends: [backend.address] })
  const port = Number(proxy.address.split(":")[1])

  const measures: Measure[] = []
  let started = 0
  for (let round = 1; round <= ROUNDS; round++) {
    const last = (SESSIONS / ROUNDS) * round
    const churn = async () => {
      while (started < last) {
        const session = sessions[started++ % sessions.length]
        if (session !== undefined) await run(port, session)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, churn))
    measures.push(await proxy.order({ measureAfter: last }))
  }
  const [first, latest] = [measures[0], measures.at(-1)]
  const grown = (latest?.heldBytes ?? 0) - (first?.heldBytes ?? 0)
  t.ok(grown < MAY_GROW_BYTES, "memory does not grow", { grown, measures })

  const after = await proxy.order("close")
  t.equal(after.ended, SESSIONS, "every session has ended once")
  t.equal(after.sockets, 0)
  t.equal(after.descriptors, proxy.before.descriptors)
  t.equal(atBackend.size, 0, "no connection to the backend is left")
})
