/**
 * The backend behind every contender: a bare TCP server that answers each upgrade and then does what the path
 * says. It does as little as it can, because it shares the machine with what is measured. With two arguments,
 * the PEM files of a certificate and its key, it speaks TLS.
 */
import { readFileSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { createServer as createTlsServer } from "node:tls"
import { acceptKey } from "../../lib/upgrade/accept-key.js"
import { BLOCK_BYTES, GREETING, HEAD_END, LATE, type Path, upgradeResponse } from "../contenders/protocol.js"
import { serveParent } from "../contenders/serve-parent.js"
import { listenAnywhere } from "./port.js"

/** What one connection does with the bytes that follow its head. */
type Behaviour = (socket: Socket) => (bytes: Buffer) => void

const CHUNK = Buffer.alloc(64 * 1024, "x")
const ACK = Buffer.from([1])

const behaviours: Readonly<Record<Path, Behaviour>> = {
  "/echo": (socket) => (bytes) => {
    if (!socket.write(bytes)) socket.pause()
  },
  "/greet": (socket) => (bytes) => socket.write(bytes),
  "/late": (socket) => {
    // Before the listener that ends the connection.
    socket.prependListener("end", () => socket.write(LATE))
    return () => {}
  },
  "/open": (socket) => () => server.getConnections((_error, count) => socket.write(String(count))),
  "/source": (socket) => {
    let due = 0
    const pour = () => {
      while (due > 0) {
        due -= CHUNK.length
        if (!socket.write(CHUNK)) return
      }
    }
    socket.on("drain", pour)
    return (requests) => {
      due += requests.length * BLOCK_BYTES
      pour()
    }
  },
  "/sink": (socket) => {
    let received = 0
    return (bytes) => {
      received += bytes.length
      for (; received >= BLOCK_BYTES; received -= BLOCK_BYTES) socket.write(ACK)
    }
  },
}

const OPTIONS = { allowHalfOpen: true, noDelay: true }

function serve(socket: Socket): void {
  let head = ""
  let onBytes = (bytes: Buffer): void => {
    head += bytes.toString("latin1")
    const end = head.indexOf(HEAD_END)
    if (end < 0) return
    const rest = Buffer.from(head.slice(end + HEAD_END.length), "latin1")
    onBytes = answer(socket, head.slice(0, end))
    if (rest.length > 0) onBytes(rest)
  }
  socket.on("data", (bytes: Buffer) => onBytes(bytes))
  socket.on("drain", () => socket.resume())
  socket.on("end", () => socket.end())
  socket.on("error", () => socket.destroy())
}

/** Answers the head with a 101, or with a 400 if it asks for no upgrade. */
function answer(socket: Socket, head: string): (bytes: Buffer) => void {
  const [, path = ""] = head.split(" ", 2)
  const [, key] = /\r\nsec-websocket-key: *(\S+)/i.exec(head) ?? []
  if (key === undefined) {
    socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    return () => {}
  }
  const greeting = path === "/greet" ? GREETING : ""
  socket.write(upgradeResponse(acceptKey(key)) + greeting, "latin1")
  return behaviours[path as Path](socket)
}

const [, , cert, key] = process.argv
const server =
  cert === undefined || key === undefined
    ? createServer(OPTIONS, serve)
    : createTlsServer({ ...OPTIONS, cert: readFileSync(cert), key: readFileSync(key) }, serve)
serveParent(await listenAnywhere(server))
