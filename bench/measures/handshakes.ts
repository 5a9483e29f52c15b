import { Tunnel } from "../load/tunnel.js"
import { type Measure, MICROSECONDS, times } from "./measure.js"

const CLIENTS = 16

/**
 * New tunnels: a client connects, upgrades, sends FIN when it has the 101, and comes again when all is
 * closed.
 */
export const handshakes: Measure = {
  name: "handshakes",
  title: `Handshakes: ${CLIENTS} raw clients connect, upgrade, close and begin again`,
  unit: "handshake",
  rate: "handshakes/s",
  cpuUnit: MICROSECONDS,
  target: 0.5,
  warmUp: 9,
  async open(port) {
    return {
      async run(ms) {
        const end = performance.now() + ms
        let done = 0
        await times(CLIENTS, async () => {
          while (performance.now() < end) {
            const tunnel = await Tunnel.open(port, "/echo")
            await tunnel.close()
            done++
          }
        })
        return done
      },
      async close() {},
    }
  },
}
