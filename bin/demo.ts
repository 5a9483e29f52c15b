/** `rws demo`: two echo backends and a proxy in front of them, to try rws without a backend. */
import { once } from "node:events"
import { WebSocket } from "ws"
import { parseBindAddress } from "../lib/address/address.js"
import { WsProxy } from "../lib/builder.js"
import type { EndedSession } from "../lib/ops/session-summary.js"
import type { RunningProxy } from "../lib/proxy/proxy.js"
import { addressOf, startEcho } from "./echo.js"
import { DONE, end } from "./end.js"
import { closeOnSignal } from "./signals.js"

const FREE_PORT = "127.0.0.1:0"
const GREETING = "hello through rws"

/** Runs until SIGTERM or SIGINT, and then ends the process. */
export async function demo(): Promise<void> {
  const servers = await Promise.all([1, 2].map(() => startEcho(parseBindAddress(FREE_PORT))))
  const backends = servers.map(addressOf)
  const starting = new WsProxy(backends).name("demo").bind(FREE_PORT)
  const closed = closeOnSignal(starting, () => console.log("closing"))
  await Promise.race([closed, starting.then((proxy) => introduce(proxy, backends))])
  await closed
  await end(DONE)
}

/** Says what is running, and shows that it works. */
async function introduce(proxy: RunningProxy, backends: readonly string[]): Promise<void> {
  const url = `ws://${proxy.address()}`
  console.log(`echo backends on ${backends.join(" and ")}, rws before them on ${proxy.address()}`)
  proxy.on("end", printSession).on("refuse", printSession)

  await greet(url)
  console.log(
    `\nIt works: ${url}\nTry it from another terminal (Ctrl+C here ends the demo):\n\n  ${commandToTry(url)}\n`,
  )
}

/** Sends one message and shows what comes back. */
async function greet(url: string): Promise<void> {
  const client = new WebSocket(url)
  await once(client, "open")
  console.log(`sent      ${GREETING}`)
  client.send(GREETING)
  const [answer] = await once(client, "message")
  console.log(`received  ${answer}`)
  client.close()
  await once(client, "close")
}

/** Node's own WebSocket client, so that nothing needs to be installed. */
function commandToTry(url: string): string {
  const script = `s=new WebSocket("${url}");s.onopen=()=>s.send("hi");s.onmessage=e=>{console.log(e.data);s.close()}`
  return `node --experimental-websocket -e '${script}'`
}

function printSession(session: Readonly<EndedSession>): void {
  const {
    client,
    backend = "no backend",
    path = "",
    status = "",
    reason,
    bytesFromClient,
    bytesFromBackend,
  } = session
  console.log(
    `session   ${client} -> ${backend} ${path} ${status} ${reason}, ${bytesFromClient} B in, ${bytesFromBackend} B out`,
  )
}
