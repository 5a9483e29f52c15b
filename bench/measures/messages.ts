import { Tunnel } from "../load/tunnel.js"
import { times } from "./measure.js"
import { MICROSECONDS, type Work } from "./work.js"

const TUNNELS = 32

export const messages: Work = messagesOf("messages", 64)
export const largeMessages: Work = messagesOf("messages-4k", 4096)

/** Each tunnel has one message on its way, which comes back from the backend. There and back is two. */
function messagesOf(name: string, bytes: number): Work {
  const message = Buffer.alloc(bytes, "m")
  return {
    name,
    title: `Messages: ${bytes} bytes there and back (2 messages) in ${TUNNELS} tunnels at a time`,
    unit: "message",
    cpuUnit: MICROSECONDS,
    warmUpUnits: 50_000,
    async open(port) {
      const tunnels = await times(TUNNELS, () => Tunnel.open(port, "/echo"))
      return {
        async run(ms) {
          const end = performance.now() + ms
          const counts = await Promise.all(tunnels.map((tunnel) => pingPong(tunnel, message, end)))
          return counts.reduce((sum, count) => sum + count, 0)
        },
        async close() {
          await Promise.all(tunnels.map((tunnel) => tunnel.close()))
        },
      }
    },
  }
}

function pingPong(tunnel: Tunnel, message: Buffer, end: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let received = 0
    let count = 0
    tunnel.onBytes = (bytes) => {
      received += bytes.length
      if (received < message.length) return
      received = 0
      count += 2
      if (performance.now() < end) tunnel.socket.write(message)
      else resolve(count)
    }
    tunnel.broken().catch(reject)
    tunnel.socket.write(message)
  })
}
