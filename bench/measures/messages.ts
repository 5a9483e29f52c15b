import { Tunnel } from "../load/tunnel.js"
import { type Measure, MICROSECONDS, times } from "./measure.js"

const TUNNELS = 32
const MESSAGE = Buffer.alloc(64, "m")

/**
 * Small messages: each tunnel has one on its way, which comes back from the backend. There and back is two.
 */
export const messages: Measure = {
  name: "messages",
  title: `Messages: ${MESSAGE.length} bytes there and back (2 messages) in ${TUNNELS} tunnels at a time`,
  unit: "message",
  rate: "messages/s",
  cpuUnit: MICROSECONDS,
  target: 1,
  warmUp: 2,
  async open(port) {
    const tunnels = await times(TUNNELS, () => Tunnel.open(port, "/echo"))
    return {
      async run(ms) {
        const end = performance.now() + ms
        const counts = await Promise.all(tunnels.map((tunnel) => pingPong(tunnel, end)))
        return counts.reduce((sum, count) => sum + count, 0)
      },
      async close() {
        await Promise.all(tunnels.map((tunnel) => tunnel.close()))
      },
    }
  },
}

function pingPong(tunnel: Tunnel, end: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let received = 0
    let count = 0
    tunnel.onBytes = (bytes) => {
      received += bytes.length
      if (received < MESSAGE.length) return
      received = 0
      count += 2
      if (performance.now() < end) tunnel.socket.write(MESSAGE)
      else resolve(count)
    }
    tunnel.broken().catch(reject)
    tunnel.socket.write(MESSAGE)
  })
}
