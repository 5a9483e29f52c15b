import autocannon from "autocannon"
import { HOST } from "../load/port.js"
import { MICROSECONDS, type Work } from "./work.js"

const CONNECTIONS = 10
const REFUSED = 400
const SAMPLE_INTERVAL_MS = 10

/** Requests that ask for no upgrade, each on a connection of its own, because rws closes after a refusal. */
export const refusals: Work = {
  name: "refusals",
  title: `Refusals: autocannon, ${CONNECTIONS} connections, each request without an upgrade on a new connection`,
  unit: "refusal",
  cpuUnit: MICROSECONDS,
  warmUpUnits: 4000,
  without: "copy",
  async open(port) {
    return { run: (ms) => refuse(port, ms), async close() {} }
  },
}

async function refuse(port: number, ms: number): Promise<number> {
  let refused = 0
  // With `reconnectRate` autocannon counts no responses, but each of its clients still reports every head.
  const setupClient = (client: autocannon.Client) => {
    client.on("headers", (head) => {
      const { statusCode } = head as unknown as { statusCode: number }
      if (statusCode === REFUSED) refused++
    })
  }
  await autocannon({
    url: `http://${HOST}:${port}/`,
    connections: CONNECTIONS,
    duration: ms / 1000,
    sampleInt: SAMPLE_INTERVAL_MS,
    reconnectRate: 1,
    setupClient,
  })
  return refused
}
