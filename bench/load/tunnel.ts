/** The raw client: a TCP connection that asks for an upgrade and then moves bytes. */
import { connect, type Socket } from "node:net"
import { ACCEPT, HEAD_END, KEY, type Path } from "../contenders/protocol.js"
import { HOST } from "./port.js"
import { TOKEN } from "./token.js"

/** All clients read into this buffer, so that the client costs the machine little. */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024)

/** What Chromium sends to a chat, so that a head costs what it costs in practice. */
export function upgradeHead(path: Path): string {
  return (
    `GET ${path} HTTP/1.1\r\n` +
    "Host: chat.example.com\r\n" +
    "Connection: Upgrade\r\n" +
    "Pragma: no-cache\r\n" +
    "Cache-Control: no-cache\r\n" +
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36\r\n" +
    "Upgrade: websocket\r\n" +
    "Origin: https://chat.example.com\r\n" +
    "Sec-WebSocket-Version: 13\r\n" +
    "Accept-Encoding: gzip, deflate, br\r\n" +
    "Accept-Language: en-US,en;q=0.9\r\n" +
    `Cookie: session=${TOKEN}; theme=dark\r\n` +
    `Sec-WebSocket-Key: ${KEY}\r\n` +
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
  )
}

const CLOSED = new Error("the connection was closed")

export interface TunnelOptions {
  /** Bytes sent right after the head, without waiting for the 101. */
  readonly early?: string
  /** Receives bytes from the tunnel. They are valid only during the call. */
  readonly onBytes?: (bytes: Buffer) => void
}

export class Tunnel {
  onBytes: (bytes: Buffer) => void = () => {}
  /** Resolves once the connection is gone, with the error that ended it, if any. */
  readonly closed: Promise<Error | undefined>

  private constructor(readonly socket: Socket) {
    this.closed = new Promise((resolve) => {
      let cause: Error | undefined
      socket.on("error", (error) => {
        cause = error
      })
      socket.on("close", () => resolve(cause))
    })
  }

  /** Resolves once the 101 has come; rejects if the connection ends before, or if what comes is no 101. */
  static open(port: number, path: Path, { early = "", onBytes }: TunnelOptions = {}): Promise<Tunnel> {
    return new Promise((resolve, reject) => {
      const callback = (length: number) => {
        tunnel.onBytes(READ_BUFFER.subarray(0, length))
        return true
      }
      const tunnel = new Tunnel(
        connect({ host: HOST, port, noDelay: true, onread: { buffer: READ_BUFFER, callback } }),
      )
      let answer = ""
      tunnel.onBytes = (bytes) => {
        answer += bytes.toString("latin1")
        const end = answer.indexOf(HEAD_END)
        if (end < 0) return
        if (!answer.startsWith("HTTP/1.1 101 ") || !answer.includes(ACCEPT)) {
          tunnel.socket.destroy(new Error(`expected a 101, got ${answer.slice(0, end)}`))
          return
        }
        tunnel.onBytes = onBytes ?? (() => {})
        const rest = answer.slice(end + HEAD_END.length)
        if (rest !== "") tunnel.onBytes(Buffer.from(rest, "latin1"))
        resolve(tunnel)
      }
      tunnel.closed.then((cause) => reject(cause ?? CLOSED))
      tunnel.socket.write(upgradeHead(path) + early, "latin1")
    })
  }

  /** Rejects once the connection is closed. */
  async broken(): Promise<never> {
    throw (await this.closed) ?? CLOSED
  }

  /** Sends FIN and waits until the connection is gone. */
  async close(): Promise<void> {
    this.socket.end()
    await this.closed
  }

  /** Sends RST and waits until the connection is gone. */
  async reset(): Promise<void> {
    this.socket.resetAndDestroy()
    await this.closed
  }
}
