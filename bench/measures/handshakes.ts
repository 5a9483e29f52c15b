import { Tunnel } from "../load/tunnel.js"
import { times } from "./measure.js"
import { MICROSECONDS, type Work } from "./work.js"

const CLIENTS = 16
/**
 * Open all the time, as at a proxy that is in use. While there is no tunnel at all, V8 may throw away code
 * that it has optimized for the objects of tunnels.
 */
const IDLE_TUNNELS = 3

/**
 * New tunnels: a client connects, upgrades, sends FIN when it has the 101, and comes again when all is
 * closed. V8 goes on optimizing for up to 40,000 of them, the longer the more code there is: before that, rws
 * with metrics seems to cost 5 % more than without, and afterwards 0 to 3 %.
 */
export const handshakes: Work = handshakesThat("handshakes", "FIN", 40_000, (tunnel) => tunnel.close())

/** The same, but the client resets its connection, as browsers do when a page is left. */
export const handshakesWithReset: Work = handshakesThat("handshakes-rst", "RST", 15_000, (tunnel) =>
  tunnel.reset(),
)

function handshakesThat(
  name: string,
  flag: string,
  warmUpUnits: number,
  end: (tunnel: Tunnel) => Promise<void>,
): Work {
  return {
    name,
    title: `Handshakes: ${CLIENTS} raw clients connect, upgrade, end with ${flag} and begin again`,
    unit: "handshake",
    cpuUnit: MICROSECONDS,
    warmUpUnits,
    async open(port) {
      const idle = await times(IDLE_TUNNELS, () => Tunnel.open(port, "/echo"))
      return {
        async run(ms) {
          const stopMs = performance.now() + ms
          let done = 0
          await times(CLIENTS, async () => {
            while (performance.now() < stopMs) {
              await end(await Tunnel.open(port, "/echo"))
              done++
            }
          })
          return done
        },
        async close() {
          await Promise.all(idle.map((tunnel) => tunnel.close()))
        },
      }
    },
  }
}
