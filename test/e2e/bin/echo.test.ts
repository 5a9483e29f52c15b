import { once } from "node:events"
import { request } from "node:http"
import { join } from "node:path"
import t, { type Test } from "tap"
import { upgradeHead } from "../../support/http/heads.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { closeOf, connectWs, messagesOf } from "../../support/peers/ws-backend.js"
import { type Program, serveRws, startRws, temporaryFolder } from "../../support/program/program.js"

async function startEcho(
  t: Test,
  bind: string,
  flags: readonly string[] = [],
): Promise<{ program: Program; address: string }> {
  const program = startRws(t, ["echo", "--bind", bind, ...flags])
  const [, address = ""] = await program.untilOutput(/^echo backend .* on (\S+)\n/)
  return { program, address }
}

t.test("rws echo returns text as text and binary as binary through rws", async (t) => {
  const { address: backend } = await startEcho(t, "127.0.0.1:0")
  const { address } = await serveRws(t, [backend])
  const client = await connectWs(t, `ws://${address}`)
  const next = messagesOf(client)
  client.send("text")
  t.strictSame(await next(), { data: Buffer.from("text"), binary: false })
  client.send(Buffer.from([0, 255]))
  t.strictSame(await next(), { data: Buffer.from([0, 255]), binary: true })
  const end = closeOf(client)
  client.close(4000, "bye")
  t.strictSame(await end, { code: 4000, reason: "bye" })
})

t.test("rws echo --raw returns bytes unchanged, even those right after the head", async (t) => {
  const { address: backend } = await startEcho(t, "127.0.0.1:0", ["--raw"])
  const { address } = await serveRws(t, [backend])
  const client = await RawPeer.connect(address)
  client.write(`${upgradeHead()}no frames`)
  await client.untilText("\r\n\r\nno frames")
  client.write(" at all")
  await client.untilText("\r\n\r\nno frames at all")
  client.socket.end()
  await client.untilEnd()
})

t.test("rws echo listens on a Unix socket, and rws connects to it", async (t) => {
  const bind = `unix:${join(await temporaryFolder(t), "echo.sock")}`
  const { address: backend } = await startEcho(t, bind)
  t.equal(backend, bind)
  const { address } = await serveRws(t, [backend])
  const client = await connectWs(t, `ws://${address}`)
  const next = messagesOf(client)
  client.send("over a file")
  t.equal(String((await next()).data), "over a file")
})

t.test("rws echo explains itself to a browser", async (t) => {
  const { address } = await startEcho(t, "127.0.0.1:0")
  const [response] = await once(request(`http://${address}/`).end(), "response")
  t.equal(response.statusCode, 426)
  let body = ""
  for await (const piece of response) body += piece
  t.match(body, "WebSocket echo backend")
})

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  t.test(`${signal} ends rws echo`, async (t) => {
    const { program, address } = await startEcho(t, "127.0.0.1:0")
    const client = await connectWs(t, `ws://${address}`)
    const end = closeOf(client)
    program.signal(signal)
    await end
    await program.untilExit()
    t.equal(program.stderr, "")
  })
}
