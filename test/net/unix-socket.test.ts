import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, statSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import t, { type Test } from "tap"
import { bindUnixSocket } from "../../lib/net/unix-socket.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { leaveStaleSocket } from "../support/peers/stale-socket.js"
import { Program } from "../support/program/program.js"
import { rejectionOf } from "../support/project/thrown.js"

const CLUSTERED_LISTENERS = fileURLToPath(
  new URL("../support/program/clustered-listeners.js", import.meta.url),
)

/** Binds a server that greets its clients. It is closed when the test ends, whether it listens or not. */
async function bind(t: Test, path: string, mode?: number): Promise<{ server: Server; remove: () => void }> {
  // A probe for whether the path is in use resets the connection.
  const server = createServer((socket) => socket.on("error", () => {}).end("hello"))
  t.teardown(() => server.close())
  const remove = await bindUnixSocket({ path, mode }, (name) => {
    return new Promise((resolve, reject) => {
      server.once("error", reject).listen(name, () => {
        server.off("error", reject)
        resolve()
      })
    })
  })
  return { server, remove }
}

async function greetingAt(path: string): Promise<string> {
  const client = await RawPeer.connect(`unix:${path}`)
  await client.untilEnd()
  client.socket.end()
  return client.text
}

/** The name of the lock for a path, as lib/net/unix-socket.ts derives it. */
function lockOf(folder: string, name: string): string {
  return join(folder, `.rws-${createHash("sha256").update(name).digest("hex").slice(0, 6)}`)
}

for (const mode of [0o600, 0o660, 0o666, 0o777]) {
  t.test(`a socket gets permissions ${mode.toString(8)} whatever the umask is`, async (t) => {
    const path = join(socketFolder(t), "front.sock")
    await bind(t, path, mode)
    t.equal(statSync(path).mode & 0o777, mode)
    t.equal(await greetingAt(path), "hello")
  })
}

t.test("without configured permissions the umask applies", async (t) => {
  const path = join(socketFolder(t), "front.sock")
  await bind(t, path)
  t.equal(statSync(path).mode & 0o777, 0o777 & ~process.umask())
})

t.test("a socket whose permissions can't be set never gets its path", async (t) => {
  const folder = socketFolder(t)
  t.match(await rejectionOf(() => bind(t, join(folder, "front.sock"), -1)), { code: "ERR_OUT_OF_RANGE" })
  t.notOk(readdirSync(folder).includes("front.sock"))
})

t.test("a lock left behind by a crash is replaced, even together with a stale socket", async (t) => {
  const folder = socketFolder(t)
  const path = join(folder, "front.sock")
  await leaveStaleSocket(lockOf(folder, "front.sock"))
  await leaveStaleSocket(path)
  await bind(t, path)
  t.equal(await greetingAt(path), "hello")
  t.same(readdirSync(folder), ["front.sock"])
})

t.test("while another program holds the lock the path is in use, and the lock is kept", async (t) => {
  const folder = socketFolder(t)
  const path = join(folder, "front.sock")
  const lock = lockOf(folder, "front.sock")
  await bind(t, lock)
  t.match(await rejectionOf(() => bind(t, path)), { code: "EADDRINUSE" })
  t.equal(await greetingAt(lock), "hello")
  t.notOk(readdirSync(folder).includes("front.sock"))
})

t.test("the path is removed only while it is our socket", async (t) => {
  const folder = socketFolder(t)
  const path = join(folder, "front.sock")
  const { server, remove } = await bind(t, path)
  remove()
  t.same(readdirSync(folder), [])
  await bind(t, path)
  remove()
  server.close()
  t.same(readdirSync(folder), ["front.sock"])
})

/** A folder whose path has this many bytes. */
function longFolder(t: Test, bytes: number): string {
  const folder = join(socketFolder(t), "-".repeat(bytes)).slice(0, bytes)
  mkdirSync(folder)
  return folder
}

/** Names that leave much, little and no room for a temporary name in a folder with a long path. */
for (const nameBytes of [1, 5, 6, 10, 11, 40]) {
  t.test(
    `a path of 103 bytes, ${nameBytes} of them its name, is bound untruncated and removed again`,
    async (t) => {
      const name = "n".repeat(nameBytes)
      const folder = longFolder(t, 102 - nameBytes)
      const path = join(folder, name)
      await leaveStaleSocket(path)
      const { server, remove } = await bind(t, path, 0o600)
      t.same(readdirSync(folder), [name])
      t.equal(statSync(path).mode & 0o777, 0o600)
      t.equal(await greetingAt(path), "hello")
      remove()
      server.close()
      t.same(readdirSync(folder), [])
    },
  )
}

t.test("workers of node:cluster share one socket, even where a stale one was", async (t) => {
  const path = join(socketFolder(t), "front.sock")
  await leaveStaleSocket(path)
  const program = Program.start(t, process.execPath, [CLUSTERED_LISTENERS, path])
  await program.untilOutput(/^workers: listening, listening$/m)
  t.equal(statSync(path).mode & 0o777, 0o600)
  const client = await RawPeer.connect(`unix:${path}`)
  await client.write("\0").untilText("HTTP/1.1 400 ")
  client.socket.destroy()
})
