import { once } from "node:events"
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import t, { type Test } from "tap"
import { answerHead, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade } from "../support/peers/backend.js"
import { untilBeyondHead } from "../support/peers/open-pair.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { leaveStaleSocket } from "../support/peers/stale-socket.js"
import { checkBindError } from "../support/program/bind-error.js"
import { nextEnd, openTunnel, startProxy } from "../support/program/proxy.js"

/** A server on a Unix socket that accepts every upgrade and then calls `then`. */
async function startUnixBackend(t: Test, path: string, then: (peer: RawPeer) => void = () => {}) {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const peer = new RawPeer(socket)
    t.teardown(() => socket.destroy())
    answerUpgrade(peer).then(
      () => then(peer),
      () => {},
    )
  })
  server.listen(path)
  await once(server, "listening")
  t.teardown(() => server.close())
}

t.test("a tunnel runs from a Unix socket to a Unix socket", async (t) => {
  const dir = socketFolder(t)
  let backend: RawPeer | undefined
  await startUnixBackend(t, join(dir, "backend.sock"), (peer) => {
    backend = peer
    peer.write("welcome")
  })
  const proxy = await startProxy(t, {
    bind: `unix:${join(dir, "front.sock")}`,
    backends: [`unix:${join(dir, "backend.sock")}`],
  })
  t.equal(proxy.address(), `unix:${join(dir, "front.sock")}`)
  const end = nextEnd(proxy)
  const client = await openTunnel(proxy)
  t.equal((await untilBeyondHead(client, 7)).toString(), "welcome")
  t.equal(client.text, `${answerHead()}welcome`)
  client.write("hello")
  client.socket.end()
  await backend?.untilEnd()
  t.match(backend?.text, /\r\nHost: localhost\r\n/)
  t.match(backend?.text, /\r\n\r\nhello$/)
  backend?.write("late").socket.end()
  await client.untilClosed()
  t.equal(client.text, `${answerHead()}welcomelate`)
  t.match(await end, { client: "unix", reason: "client_fin", bytesFromClient: 5, bytesFromBackend: 11 })
})

t.test(
  "a reset by a TCP client ends the connection of a Unix socket backend, where there is no reset",
  async (t) => {
    const path = join(socketFolder(t), "backend.sock")
    let backend: RawPeer | undefined
    await startUnixBackend(t, path, (peer) => {
      backend = peer
    })
    const proxy = await startProxy(t, { backends: [`unix:${path}`] })
    const end = nextEnd(proxy)
    const client = await openTunnel(proxy)
    client.socket.resetAndDestroy()
    t.match(await end, { reason: "client_reset" })
    await backend?.untilEnd()
  },
)

t.test("a Unix socket without a listener is a dead backend", async (t) => {
  const dir = socketFolder(t)
  const proxy = await startProxy(t, { backends: [`unix:${join(dir, "nobody.sock")}`] })
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await client.untilEnd()
  t.match(client.text, /^HTTP\/1\.1 502 /)
})

t.test("a socket file left behind by a crashed program is replaced", async (t) => {
  const dir = socketFolder(t)
  const path = join(dir, "front.sock")
  await leaveStaleSocket(path)
  t.ok(lstatSync(path).isSocket())
  await startUnixBackend(t, join(dir, "backend.sock"))
  const proxy = await startProxy(t, { bind: `unix:${path}`, backends: [`unix:${join(dir, "backend.sock")}`] })
  t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
})

t.test("a socket file with a listener is left alone", async (t) => {
  const dir = socketFolder(t)
  const path = join(dir, "front.sock")
  await startUnixBackend(t, path)
  const starting = startProxy(t, { bind: `unix:${path}`, backends: ["127.0.0.1:1"] })
  await checkBindError(t, starting, `cannot listen on unix:${path}: it is already in use`)
  const peer = await RawPeer.connect(`unix:${path}`)
  peer.write(upgradeHead())
  await peer.untilText("\r\n\r\n")
})

t.test("a file that is not a socket is left alone", async (t) => {
  const path = join(socketFolder(t), "precious")
  writeFileSync(path, "content")
  const starting = startProxy(t, { bind: `unix:${path}`, backends: ["127.0.0.1:1"] })
  await checkBindError(t, starting, new RegExp(`^cannot listen on unix:${path}: `))
  t.equal(readFileSync(path, "utf8"), "content")
})

t.test("a folder that does not exist is named in the error", async (t) => {
  const path = join(socketFolder(t), "missing", "front.sock")
  const starting = startProxy(t, { bind: `unix:${path}`, backends: ["127.0.0.1:1"] })
  await checkBindError(t, starting, new RegExp(`^cannot listen on unix:${path}: `))
})

t.test("the socket file is removed when the proxy closes, and a new proxy may bind the path", async (t) => {
  const path = join(socketFolder(t), "front.sock")
  const settings = { bind: `unix:${path}`, backends: ["127.0.0.1:1"] }
  const proxy = await startProxy(t, settings)
  t.ok(existsSync(path))
  await proxy.close()
  t.notOk(existsSync(path))
  await startProxy(t, settings)
  t.ok(existsSync(path))
})

t.test("a stale socket that can't be removed is an error", async (t) => {
  const path = socketFolder(t)
  writeFileSync(join(path, "more"), "")
  const starting = startProxy(t, { bind: `unix:${path}`, backends: ["127.0.0.1:1"] })
  await checkBindError(t, starting, /^cannot listen on /)
  t.ok(existsSync(join(path, "more")))
})

t.test("a path that is too long for a socket is refused, not truncated", async (t) => {
  const folder = socketFolder(t)
  const path = join(folder, "x".repeat(120))
  await t.rejects(startProxy(t, { bind: `unix:${path}`, backends: ["127.0.0.1:1"] }))
  t.same(readdirSync(folder), [])
})
