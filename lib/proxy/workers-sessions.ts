/** Lists and closes the live sessions of all worker threads for the admin API, also if some are blocked. */
import type { ClosedTunnels, SessionPage } from "../admin/api-types.js"
import type { SessionQuery } from "../admin/source.js"
import { type Clock, systemClock } from "../shared/clock.js"
import type { LiveSessions } from "./data-plane.js"
import { inTime } from "./in-time.js"
import { mergePages } from "./session-list.js"
import { WorkerListing } from "./worker-listing.js"
import type { WorkerSlot } from "./worker-slot.js"

/** How long a thread may take to close sessions, which it does at once unless it is blocked. */
const DEADLINE_MS = 1000
/** A thread that has died has taken its sessions with it. */
const NONE: ClosedTunnels = { closed: 0 }

export class WorkersSessions implements LiveSessions {
  readonly #listings: readonly WorkerListing[]

  constructor(
    private readonly slots: readonly Pick<WorkerSlot, "ask" | "threadId">[],
    private readonly clock: Clock = systemClock,
  ) {
    this.#listings = slots.map((slot) => new WorkerListing(slot, clock))
  }

  async list(query: SessionQuery): Promise<SessionPage> {
    const pages = await Promise.all(this.#listings.map((listing) => listing.list(query)))
    const page = mergePages(
      pages.filter((one) => one !== undefined),
      query,
    )
    return pages.includes(undefined) ? { ...page, incomplete: true } : page
  }

  async close(id: string): Promise<boolean | undefined> {
    const slot = this.slots.find(({ threadId }) => id.startsWith(`${threadId}.`))
    if (slot === undefined) return false
    const replied = slot.ask("closeSession", id).then((isClosed) => isClosed ?? false)
    return inTime(replied, DEADLINE_MS, this.clock)
  }

  async closeTunnels(pool: string, backend: string): Promise<ClosedTunnels> {
    const replies = await Promise.all(
      this.slots.map((slot) => {
        const replied = slot.ask("closeBackend", { pool, backend }).then((reply) => reply ?? NONE)
        return inTime(replied, DEADLINE_MS, this.clock)
      }),
    )
    const closed = replies.reduce((sum, reply) => sum + (reply?.closed ?? 0), 0)
    return replies.includes(undefined) ? { closed, incomplete: true } : { closed }
  }
}
