/** What a consumer's compiler says about a handler, its configuration and its events. */
import t from "tap"
import { complaintsAbout } from "../support/program/consumer.js"

const SOUND = `
import { createServer } from "node:http"
import { createServer as createSecureServer } from "node:https"
import {
  type AttachedConfig, type BackendInput, createProxy, createUpgradeHandler, type EndedSession,
  type OpenedSession, Pool, type ProxyEvents, type RefusedSession, type UpgradeHandler, WsProxy,
} from "rws-proxy"

const one: BackendInput = new URL("ws://chat-backend:9000")
const config: AttachedConfig = { pool: { chat: { backends: [one, { address: one }] } }, ws_proxy: [{ pool: "chat" }] }
const handler: UpgradeHandler = await createUpgradeHandler(config)
await createUpgradeHandler("chat-backend:9000")
await createUpgradeHandler(one)
await createUpgradeHandler([one, "chat-backend:9001"])
await createUpgradeHandler(new Pool(one))
await createUpgradeHandler({ backends: [one], idle_timeout_ms: 1000 })
createServer().on("upgrade", handler)
createSecureServer({}).on("upgrade", handler)
createServer().on("upgrade", (request, socket, head) => {
  if (handler.matches(request)) handler(request, socket, head)
})
handler
  .on("open", (session: Readonly<OpenedSession>) => {
    const [status, backend, ms]: [101, string, number] = [session.status, session.backend, session.handshakeMs]
    void [status, backend, ms]
  })
  .on("end", (session: Readonly<EndedSession>) => void session.reason)
  .once("refuse", (session: Readonly<RefusedSession>) => void session.status.toFixed())
const log = (...[session]: ProxyEvents["end"]) => console.log(session.who)
handler.off("end", log)
const changes: string[] = await handler.reload({ backends: [one] })
const cut: number = await handler.close(1000)
void [changes, cut]
{
  await using proxy = await createProxy({ ws_proxy: [{ bind: "127.0.0.1:0", backends: [one] }] })
  await using other = await createUpgradeHandler(one)
  const pool = new Pool([one])
  pool.add(one)
  pool.drain(one)
  pool.remove(one)
  void [proxy, other, new WsProxy(one), new WsProxy([one]), pool]
}
`

const UNSOUND: { title: string; statement: string; complaint: RegExp }[] = [
  {
    title: "an address to bind",
    statement: 'await createUpgradeHandler({ bind: "127.0.0.1:0", backends: ["a:1"] })',
    complaint: /'bind' does not exist/,
  },
  {
    title: "worker threads",
    statement: 'await createUpgradeHandler({ workers: 2, ws_proxy: [{ backends: ["a:1"] }] })',
    complaint: /'workers' does not exist/,
  },
  {
    title: "an unknown event",
    statement: '(await createUpgradeHandler("a:1")).on("opened", () => {})',
    complaint: /"opened"/,
  },
  {
    title: "a reason when a tunnel opens",
    statement: '(await createUpgradeHandler("a:1")).on("open", (session) => session.reason)',
    complaint: /'reason' does not exist/,
  },
  {
    title: "a tunnel's duration when it opens",
    statement:
      '(await createUpgradeHandler("a:1")).on("open", ({ tunnelMs }) => { const ms: number = tunnelMs; void ms })',
    complaint: /'undefined' is not assignable/,
  },
  {
    title: "a request of another kind",
    statement: '(await createUpgradeHandler("a:1")).matches({ url: "/" })',
    complaint: /httpVersion/,
  },
]

t.test("a handler is used as a consumer writes it", async (t) => {
  const [complaints] = await complaintsAbout(t, [SOUND])
  t.strictSame(complaints, [])
})

t.test("what makes no sense is a compile error", async (t) => {
  const sources = UNSOUND.map(
    ({ statement }) => `import { createUpgradeHandler } from "rws-proxy"\n${statement}\n`,
  )
  const complaints = await complaintsAbout(t, sources)
  for (const [index, { title, complaint }] of UNSOUND.entries()) {
    t.match(complaints[index]?.join("\n"), complaint, title)
  }
})
