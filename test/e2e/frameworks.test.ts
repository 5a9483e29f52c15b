/**
 * The README's examples of servers that a handler is attached to: their HTTP and their own WebSockets stay.
 */
import { once } from "node:events"
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import t, { type Test } from "tap"
import { WebSocket } from "ws"
import { upgradeHead } from "../support/http/heads.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { connectWs, echo, messagesOf, startWsBackend } from "../support/peers/ws-backend.js"
import { folderInPackage } from "../support/program/consumer.js"
import { Program } from "../support/program/program.js"
import { projectPath } from "../support/project/project.js"
import { filesIn } from "../support/project/readme.js"

/** Names the folder whose `node_modules` has next, react and react-dom. */
const NEXT_FOLDER = process.env.RWS_TEST_NEXT

/** A port that was free a moment ago: some of the programs take no 0. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, "close")
  return port
}

/** The README's file of this name, with this port and backend in place of its own. */
function exampleOf(name: string, port: number, backend: string): string {
  const example = filesIn("mjs").get(name)
  if (example === undefined) throw new Error(`README.md has no block "mjs ${name}"`)
  return example.replace("8080", String(port)).replace("chat-backend:9000", backend)
}

async function untilServed(url: string, program: Program): Promise<string> {
  for (;;) {
    if (program.exit !== undefined) throw new Error(`the example ended:\n${program.output}`)
    try {
      const response = await fetch(url)
      return await response.text()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}

/** A message comes back by `/chat`, and an upgrade to another path is not served by rws. */
async function checkChat(t: Test, port: number): Promise<void> {
  const client = await connectWs(t, `ws://127.0.0.1:${port}/chat`)
  const next = messagesOf(client)
  client.send("hello")
  t.equal(String((await next()).data), "hello")
  client.close()
  await once(client, "close")
}

for (const [name, title] of [
  ["express.mjs", "Express"],
  ["fastify.mjs", "Fastify"],
  ["koa.mjs", "Koa"],
] as const) {
  t.test(`the example for ${title} serves HTTP and WebSockets on one port`, async (t) => {
    const backend = await startWsBackend(t, echo)
    const port = await freePort()
    const cwd = await folderInPackage(t)
    await writeFile(join(cwd, name), exampleOf(name, port, backend.address))
    const program = Program.start(t, process.execPath, [name], { cwd })
    const url = `http://127.0.0.1:${port}/`
    t.equal(await untilServed(url, program), "hello")
    await checkChat(t, port)
    const other = await RawPeer.connect(`127.0.0.1:${port}`)
    t.teardown(() => other.socket.destroy())
    await other.write(upgradeHead({}, "GET /other HTTP/1.1")).untilText("\r\n\r\n")
    t.match(other.text, /^HTTP\/1\.1 404 /)
    t.equal(await untilServed(url, program), "hello")
    t.equal(program.output, "")
  })
}

t.test("the example for Vite leaves the socket of its hot reloading alone", async (t) => {
  const backend = await startWsBackend(t, echo)
  const port = await freePort()
  const cwd = await folderInPackage(t)
  await writeFile(join(cwd, "index.html"), "<p>hello</p>")
  await writeFile(join(cwd, "vite.config.mjs"), exampleOf("vite.config.mjs", port, backend.address))
  const vite = projectPath("node_modules/vite/bin/vite.js")
  const program = Program.start(
    t,
    process.execPath,
    [vite, "--host", "127.0.0.1", "--port", String(port), "--strictPort"],
    { cwd },
  )
  t.match(await untilServed(`http://127.0.0.1:${port}/`, program), "<p>hello</p>")
  const token = /const wsToken = "([^"]+)"/.exec(
    await untilServed(`http://127.0.0.1:${port}/@vite/client`, program),
  )?.[1]
  const hmr = new WebSocket(`ws://127.0.0.1:${port}/?token=${token}`, "vite-hmr")
  t.teardown(() => hmr.terminate())
  const [first] = await once(hmr, "message")
  t.strictSame(JSON.parse(String(first)), { type: "connected" })
  await checkChat(t, port)
  await writeFile(join(cwd, "index.html"), "<p>hello again</p>")
  const [update] = await once(hmr, "message")
  t.match(JSON.parse(String(update)), { type: "full-reload" })
})

const WITHOUT_NEXT = "needs RWS_TEST_NEXT, a folder with next, react and react-dom"

t.test(
  "the example for Next.js leaves the socket of its hot reloading alone",
  { skip: NEXT_FOLDER === undefined && process.env.CI !== "1" && WITHOUT_NEXT },
  async (t) => {
    const backend = await startWsBackend(t, echo)
    const port = await freePort()
    const cwd = await mkdtemp(join(NEXT_FOLDER ?? "", "consumer-"))
    t.teardown(() => rm(cwd, { recursive: true, force: true }))
    await mkdir(join(cwd, "node_modules"))
    await mkdir(join(cwd, "pages"))
    await symlink(projectPath(""), join(cwd, "node_modules/rws-proxy"))
    await writeFile(join(cwd, "package.json"), "{}")
    await writeFile(join(cwd, "pages/[...any].js"), "export default function Any() { return 'hello' }\n")
    await writeFile(join(cwd, "next.mjs"), exampleOf("next.mjs", port, backend.address))
    const program = Program.start(t, process.execPath, ["next.mjs"], {
      cwd,
      env: { NEXT_TELEMETRY_DISABLED: "1" },
      end: "SIGTERM",
    })
    t.match(await untilServed(`http://127.0.0.1:${port}/page`, program), "hello")
    const hmr = new WebSocket(`ws://127.0.0.1:${port}/_next/hmr?id=test`)
    t.teardown(() => hmr.terminate())
    await once(hmr, "message")
    await checkChat(t, port)
    t.equal(hmr.readyState, WebSocket.OPEN)
  },
)
