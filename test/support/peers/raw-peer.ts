/** One raw TCP end of a connection under test: records what it receives and waits for events. */
import { once } from "node:events"
import { connect, type NetConnectOpts, type Socket } from "node:net"

export class RawPeer {
  /** All bytes so far. */
  received: Buffer = Buffer.alloc(0)
  /** Whether the other end has sent FIN. */
  ended = false
  /** The error the socket ended with, ECONNRESET for one. */
  error: NodeJS.ErrnoException | undefined
  closed = false

  constructor(readonly socket: Socket) {
    socket.on("data", (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes])
    })
    socket.on("end", () => {
      this.ended = true
    })
    socket.on("error", (error) => {
      this.error = error
    })
    socket.on("close", () => {
      this.closed = true
    })
  }

  /**
   * Connects to `127.0.0.1:PORT`, or `unix:/path`, as `RunningProxy.address` writes it. Half-open is allowed.
   */
  static async connect(address: string, options: Partial<NetConnectOpts> = {}): Promise<RawPeer> {
    const colon = address.lastIndexOf(":")
    const to = address.startsWith("unix:")
      ? { path: address.slice(5) }
      : { host: address.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(address.slice(colon + 1)) }
    const socket = connect({ noDelay: true, allowHalfOpen: true, ...to, ...options })
    await once(socket, "connect")
    return new RawPeer(socket)
  }

  get text(): string {
    return this.received.toString("latin1")
  }

  write(bytes: string | Buffer): this {
    this.socket.write(bytes, "latin1")
    return this
  }

  /** Waits until `happened` is true; checked after each event. Rejects if the socket closes first. */
  async until(happened: (peer: RawPeer) => boolean, what = "what the test waits for"): Promise<this> {
    if (happened(this)) return this
    await new Promise<void>((resolve, reject) => {
      const check = () => {
        if (happened(this)) resolve()
        else if (this.closed)
          reject(new Error(`closed before ${what}; received: ${JSON.stringify(this.text)}`))
        else return
        for (const event of EVENTS) this.socket.off(event, check)
      }
      for (const event of EVENTS) this.socket.on(event, check)
    })
    return this
  }

  /** Waits until the received bytes contain this text. */
  untilText(text: string): Promise<this> {
    return this.until((peer) => peer.text.includes(text), `"${text}"`)
  }

  /** Waits until this many bytes were received in total. */
  untilBytes(length: number): Promise<this> {
    return this.until((peer) => peer.received.length >= length, `${length} bytes`)
  }

  untilEnd(): Promise<this> {
    return this.until((peer) => peer.ended, "a FIN")
  }

  untilClosed(): Promise<this> {
    return this.until((peer) => peer.closed)
  }
}

const EVENTS = ["data", "end", "error", "close"] as const
