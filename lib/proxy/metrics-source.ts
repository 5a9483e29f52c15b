/** Where the metrics of a proxy come from: its current plan, and the rows in which its threads count. */
import { createRequire } from "node:module"
import { socketPlaces } from "../limits/descriptors.js"
import type { Places } from "../limits/places.js"
import type { ProcessCounts } from "../metrics/process-counts.js"
import type {
  LimitReading,
  ListenerReading,
  LoopReading,
  MetricsSource,
  PoolReading,
} from "../metrics/source.js"
import type { CurrentPlan } from "./reload.js"

export class ProxyMetrics implements MetricsSource {
  readonly version = VERSION

  constructor(
    private readonly plan: CurrentPlan,
    readonly counts: ProcessCounts,
  ) {}

  isReady(): boolean {
    return this.plan.isReady
  }

  listeners(): ListenerReading[] {
    return this.plan.current.listeners.map(({ settings, rows }) => ({
      name: settings.name,
      meters: rows.meters,
      connections: { taken: Atomics.load(rows.connections, 0), max: settings.max_connections },
      pending: { taken: Atomics.load(rows.pending, 0), max: settings.max_pending },
    }))
  }

  /** A pool that belongs to a listener may have the name of another one. Those that have names come first. */
  pools(): PoolReading[] {
    const taken = new Set<string>()
    return [...this.plan.current.pools.runtimes.values()].map(({ name, pool }) => {
      const unique = uniqueIn(taken, name)
      taken.add(unique)
      return { name: unique, backends: pool.members }
    })
  }

  loops(): LoopReading[] {
    const { loopDelays, plane } = this.plan.current
    if (plane.mainLoopDelay === undefined) return loopDelays.map((row) => ({ worker: "main", row }))
    const workers = loopDelays.map((row, thread) => ({ worker: String(thread), row }))
    return [{ worker: "main", row: plane.mainLoopDelay }, ...workers]
  }

  sockets(): { sessions: LimitReading; lingering: LimitReading } {
    const { sessions, lingering } = socketPlaces(this.plan.current.rows)
    return { sessions: readingOf(sessions), lingering: readingOf(lingering) }
  }
}

function readingOf({ taken, max }: Places): LimitReading {
  return { taken: Atomics.load(taken, 0), max }
}

function uniqueIn(taken: ReadonlySet<string>, name: string): string {
  let unique = name
  for (let number = 2; taken.has(unique); number++) unique = `${name} (${number})`
  return unique
}

const { version: VERSION } = createRequire(import.meta.url)("rws-proxy/package.json") as { version: string }
