/** One thread of `runHammers`. */
import { parentPort, workerData } from "node:worker_threads"
import { SessionEnd } from "../../../lib/close-reason.js"
import { ClientLimits } from "../../../lib/limits/client-limits.js"
import { ClientTable } from "../../../lib/limits/client-table.js"
import { type Place, Places } from "../../../lib/limits/places.js"
import type { Hammered, HammerReport, HammerTask } from "./hammers.js"

/** Enough for the threads to collide within a few instructions, even while other processes use the cores. */
const ATTEMPTS = { cell: 2_000_000, clients: 100_000, rates: 100_000 } as const
/** Places held at once by this thread, so that both threads together want more than there are. */
const MAX_HELD = 3

/** How the places of this client are acquired; undefined = refused. */
function acquirerOf(hammered: Hammered): (client: number) => Place | undefined {
  if (hammered.kind === "cell") {
    const places = new Places(hammered.max, hammered.cells)
    return () => (places.acquire() ? places : undefined)
  }
  const limits = new ClientLimits(
    {
      max_connections_per_ip: hammered.kind === "clients" ? hammered.max : 0,
      rate_per_ip: hammered.kind === "rates" ? { count: 1, perMs: 3_600_000 } : undefined,
      rate_burst: hammered.kind === "rates" ? hammered.burst : 0,
    },
    { nowMs: () => 1 },
    new ClientTable(hammered.memory),
  )
  return (client) => {
    try {
      return limits.acquire(`192.0.2.${client}`)
    } catch (error) {
      if (error instanceof SessionEnd) return undefined
      throw error
    }
  }
}

function hammer({ hammered, held }: HammerTask): HammerReport {
  const acquire = acquirerOf(hammered)
  const clients = hammered.kind === "cell" ? 1 : hammered.clients
  const own: { client: number; place: Place }[] = []
  const releaseOldest = () => {
    const oldest = own.shift()
    if (oldest === undefined) return
    Atomics.sub(held, oldest.client, 1)
    oldest.place.release()
  }
  let most = 0
  let acquired = 0
  for (let attempt = 0; attempt < ATTEMPTS[hammered.kind]; attempt++) {
    const client = attempt % clients
    const place = acquire(client)
    if (place === undefined) releaseOldest()
    else {
      acquired++
      most = Math.max(most, Atomics.add(held, client, 1) + 1)
      own.push({ client, place })
      if (own.length > MAX_HELD) releaseOldest()
    }
  }
  while (own.length > 0) releaseOldest()
  return { most, acquired }
}

const task = workerData as HammerTask
Atomics.add(task.ready, 0, 1)
for (let wait = 0; wait < 5000 && Atomics.load(task.ready, 0) < task.threads; wait++) {
  Atomics.wait(task.ready, 0, task.threads - 1, 1)
}
parentPort?.postMessage(hammer(task))
