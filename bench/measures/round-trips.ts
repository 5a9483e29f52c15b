import autocannon from "autocannon"
import { KEY, type Path } from "../contenders/protocol.js"
import { HOST } from "../load/port.js"
import { type Measure, MICROSECONDS } from "./measure.js"

const CONNECTIONS = 10
const SAMPLE_INTERVAL_MS = 10
const PATH: Path = "/http"

/**
 * autocannon speaks only HTTP, and keeps a connection on which it got a 101: its first request is the
 * upgrade, and the same request sent again inside the tunnel is a message that the backend answers with a
 * 200.
 */
export const roundTrips: Measure = {
  name: "round-trips",
  title: `Round trips: autocannon, HTTP inside ${CONNECTIONS} tunnels (with their handshakes)`,
  unit: "round trip",
  rate: "round trips/s",
  cpuUnit: MICROSECONDS,
  warmUp: 1,
  async open(port) {
    return { run: (ms) => roundTrip(port, ms), async close() {} }
  },
}

async function roundTrip(port: number, ms: number): Promise<number> {
  const result = await autocannon({
    url: `http://${HOST}:${port}${PATH}`,
    connections: CONNECTIONS,
    duration: ms / 1000,
    sampleInt: SAMPLE_INTERVAL_MS,
    headers: {
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-version": "13",
      "sec-websocket-key": KEY,
    },
  })
  if (result["1xx"] !== CONNECTIONS || result.errors > 0) {
    throw new Error(`${result["1xx"]} upgrades of ${CONNECTIONS}, ${result.errors} errors`)
  }
  return result["2xx"]
}
