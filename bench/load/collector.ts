/** A client that stores what it receives through its tunnel and compares it. */
import type { Path } from "../contenders/protocol.js"
import { Tunnel } from "./tunnel.js"

export class Collector {
  #received: Buffer = Buffer.alloc(0)
  #onReceived = () => {}

  private constructor(private readonly tunnel: Tunnel) {}

  /** `early` is sent right after the request head. */
  static async open(port: number, path: Path, early = ""): Promise<Collector> {
    let behindHead: Buffer = Buffer.alloc(0)
    const onBytes = (bytes: Buffer) => {
      behindHead = Buffer.concat([behindHead, bytes])
    }
    const collector = new Collector(await Tunnel.open(port, path, { early, onBytes }))
    collector.#receive(behindHead)
    collector.tunnel.onBytes = (bytes) => collector.#receive(bytes)
    return collector
  }

  send(bytes: Buffer): void {
    this.tunnel.socket.write(bytes)
  }

  sendFin(): void {
    this.tunnel.socket.end()
  }

  /** Waits until as many bytes have come as are expected, closes, and rejects if they are not the same. */
  async expect(expected: Buffer, deadlineMs: number): Promise<void> {
    const { socket } = this.tunnel
    const late = () =>
      socket.destroy(new Error(`${this.#received.length} of ${expected.length} bytes came in time`))
    const deadline = setTimeout(late, deadlineMs)
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onReceived = () => {
          if (this.#received.length >= expected.length) resolve()
        }
        this.#onReceived()
        this.tunnel.broken().catch(reject)
      })
    } finally {
      clearTimeout(deadline)
      socket.destroy()
    }
    if (!this.#received.equals(expected)) throw new Error("other bytes came out than went in")
  }

  #receive(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes])
    this.#onReceived()
  }
}
