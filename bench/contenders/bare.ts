/**
 * A program: the limit of Node's public API. It dials the backend with the first chunk and copies, looks at
 * no byte, and keeps what any tunnel must keep: half-close, resets and back-pressure.
 */
import { connect, createServer, type Socket } from "node:net"
import { HOST, listenAnywhere } from "../load/port.js"
import { serveParent } from "./serve-parent.js"

const backendPort = Number(process.argv[2])

const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  client.on("error", () => {})
  client.once("data", (head: Buffer) => {
    const backend = connect({ host: HOST, port: backendPort, allowHalfOpen: true, noDelay: true })
    backend.write(head)
    copy(client, backend)
    copy(backend, client)
  })
})

function copy(from: Socket, to: Socket): void {
  from.on("data", (bytes: Buffer) => {
    if (!to.write(bytes)) from.pause()
  })
  to.on("drain", () => from.resume())
  from.on("end", () => to.end())
  from.on("error", () => to.resetAndDestroy())
}

serveParent(await listenAnywhere(server))
