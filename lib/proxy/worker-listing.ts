/** Lists the sessions of one worker thread, which may be blocked: the others must not wait for it. */
import type { SessionPage } from "../admin/api-types.js"
import type { SessionQuery } from "../admin/source.js"
import { type Clock, systemClock } from "../shared/clock.js"
import { inTime } from "./in-time.js"
import type { WorkerSlot } from "./worker-slot.js"

/** A listing takes a part of a second, also with a hundred thousand sessions. */
const DEADLINE_MS = 2000
/** A thread that has died has taken its sessions with it. */
const NO_SESSIONS: SessionPage = { total: 0, sessions: [] }

export class WorkerListing {
  /** Whether the thread still owes a reply that came too late. */
  #isLate = false

  constructor(
    private readonly slot: Pick<WorkerSlot, "ask">,
    private readonly clock: Clock = systemClock,
  ) {}

  /**
   * Resolves to undefined if the thread does not reply in time. It is not asked again until it has replied,
   * so that no queries pile up in front of it.
   */
  async list(query: SessionQuery): Promise<SessionPage | undefined> {
    if (this.#isLate) return undefined
    const replied = this.slot.ask("listSessions", query).then((page) => page ?? NO_SESSIONS)
    const onReply = () => {
      this.#isLate = false
    }
    replied.then(onReply, onReply)
    const page = await inTime(replied, DEADLINE_MS, this.clock)
    if (page === undefined) this.#isLate = true
    return page
  }
}
