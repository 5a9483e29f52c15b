/** How long clients wait for the 101 while the proxy is half busy. */
import { setTimeout } from "node:timers/promises"
import { Tunnel } from "../load/tunnel.js"
import { handshakes } from "./handshakes.js"
import { inTurn } from "./in-turn.js"
import type { Arena, Finding, Measure } from "./measure.js"
import { warmUp } from "./work.js"

const TICK_MS = 1
/** The processes have made handshakes before. */
const WARM_UP_UNITS = 1000
/** A round has to hold enough handshakes for one in a hundred to mean something. */
const ROUND_FACTOR = 3

/**
 * Clients arrive at the same rate at every contender: half of what the slowest one sustains, with client and
 * backend on the same machine. A client does not wait for the others, so a proxy that stalls makes a queue.
 */
export const latency: Measure = {
  name: "latency",
  async run({ contenders, plan }: Arena): Promise<Finding[]> {
    const p50 = new Map<string, number[]>()
    const p99 = new Map<string, number[]>()
    let slowest = Number.POSITIVE_INFINITY
    let standing = await inTurn(latency.name, contenders, async ({ name, port, process }) => {
      const load = await handshakes.open(port)
      const { unitsPerSecond } = await warmUp({ process, load }, WARM_UP_UNITS, plan)
      if (process !== undefined) slowest = Math.min(slowest, unitsPerSecond)
      p50.set(name, [])
      p99.set(name, [])
    })
    const perSecond = Math.round(slowest / 2)
    for (let round = 0; round < plan.rounds; round++) {
      standing = await inTurn(latency.name, standing, async ({ name, port }) => {
        const waits = (await arrive(port, perSecond, plan.roundMs * ROUND_FACTOR)).sort((a, b) => a - b)
        p50.get(name)?.push(percentile(waits, 0.5))
        p99.get(name)?.push(percentile(waits, 0.99))
      })
    }
    const title = `Latency: ${perSecond} handshakes/s, half of what the slowest contender sustains`
    const series = [
      { name: "p99 ms", values: p99 },
      { name: "p50 ms", values: p50 },
    ] as const
    return [{ name: latency.name, title, series }]
  },
}

/** Resolves to the time from connect to 101 of each handshake, in ms. */
async function arrive(port: number, perSecond: number, ms: number): Promise<number[]> {
  const waits: number[] = []
  const clients: Promise<void>[] = []
  const startMs = performance.now()
  for (let nowMs = startMs; nowMs < startMs + ms; nowMs = performance.now()) {
    const due = ((nowMs - startMs) * perSecond) / 1000
    while (clients.length < due) clients.push(handshake(port, waits))
    await setTimeout(TICK_MS)
  }
  await Promise.all(clients)
  return waits
}

async function handshake(port: number, waits: number[]): Promise<void> {
  const startMs = performance.now()
  const tunnel = await Tunnel.open(port, "/echo")
  waits.push(performance.now() - startMs)
  await tunnel.close()
}

/** @param sorted ascending */
function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
