import { Tunnel } from "../load/tunnel.js"
import { times } from "./measure.js"
import { MICROSECONDS, type Work } from "./work.js"

const TUNNELS = 32

const FIN_BINARY = 0x82
const MASKED = 0x80
const LENGTH_16 = 126
const MASK_BYTES = 4
/** The longest frame whose length fits into its second byte. */
const SHORT_FRAME_BYTES = 131

export const messages: Work = messagesOf("messages", 64)
export const largeMessages: Work = messagesOf("messages-4k", 4096)

/** Each tunnel has one message on its way, which comes back from the backend. There and back is two. */
function messagesOf(name: string, bytes: number): Work {
  const message = frameOf(bytes)
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

/** A masked binary frame (RFC 6455 §5.2) of this many bytes, for proxies that look for frames. */
function frameOf(bytes: number): Buffer {
  const isShort = bytes <= SHORT_FRAME_BYTES
  const frame = Buffer.alloc(bytes, "m")
  const headerBytes = (isShort ? 2 : 4) + MASK_BYTES
  frame[0] = FIN_BINARY
  frame[1] = MASKED | (isShort ? bytes - headerBytes : LENGTH_16)
  if (!isShort) frame.writeUInt16BE(bytes - headerBytes, 2)
  return frame
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
