/** Where the metrics of a proxy come from: its current plan, and the rows in which its threads count. */
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
import { VERSION } from "./version.js"

export class ProxyMetrics implements MetricsSource {
  readonly version = VERSION

  constructor(
    private readonly plan: CurrentPlan,
    readonly counts: ProcessCounts,
  ) {}

  isReady(): boolean {
    return this.plan.isReady
  }

  /**
   * A removed listener stays until it has drained. If another has its name by now, they are counted together.
   */
  listeners(): ListenerReading[] {
    const readings = new Map<string, ListenerReading>()
    for (const { settings, rows } of [...this.plan.current.listeners, ...this.plan.removed]) {
      const { name, max_connections, max_pending } = settings
      const known = readings.get(name)
      readings.set(name, {
        name,
        meters: [...(known?.meters ?? []), ...rows.meters],
        connections: add(known?.connections, rows.connections, max_connections),
        pending: add(known?.pending, rows.pending, max_pending),
      })
    }
    return [...readings.values()]
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

/** Places in use of one more listener. The limit is that of the first. */
function add(known: LimitReading | undefined, cells: Int32Array, max: number): LimitReading {
  return { taken: (known?.taken ?? 0) + Atomics.load(cells, 0), max: known?.max ?? max }
}

function readingOf({ taken, max }: Places): LimitReading {
  return { taken: Atomics.load(taken, 0), max }
}

function uniqueIn(taken: ReadonlySet<string>, name: string): string {
  let unique = name
  for (let number = 2; taken.has(unique); number++) unique = `${name} (${number})`
  return unique
}
