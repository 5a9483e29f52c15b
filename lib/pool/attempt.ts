/**
 * One session's attempt at one backend, from the dial to the response. Tells the pool what of it counts for
 * or against the backend, by the pool's `fail_on`.
 */
import { CLOSE_REASONS, type CloseReason } from "../close-reason.js"
import type { Backend } from "./backend.js"
import { CELL } from "./backend-cells.js"
import type { Pool } from "./pool.js"

export class Attempt {
  /** Of `backend.changes` when the attempt began. */
  readonly #changes: number

  /** Begins just before the dial. */
  constructor(
    private readonly pool: Pool,
    readonly backend: Backend,
  ) {
    this.#changes = backend.changes
    Atomics.add(backend.cells, CELL.dials, 1)
  }

  /** The dial has succeeded. That proves nothing about a backend whose handshakes are judged as well. */
  dialled(): void {
    if (!this.pool.failOn.judgesResponses) this.pool.passed(this.backend, "dial")
  }

  /** The backend has sent a valid response: a 101 that matches the request, or any other final status. */
  responded(status: number): void {
    const { failOn } = this.pool
    if (failOn.has(status)) this.pool.failed(this.backend, `status ${status}`, this.#changes)
    else if (failOn.judgesResponses) this.pool.passed(this.backend, "handshake")
  }

  /** The dial or the handshake has failed. It counts only if the backend was the cause. */
  failed(reason: CloseReason): void {
    const { charged, stage } = CLOSE_REASONS[reason]
    if (charged) Atomics.add(this.backend.cells, CELL.failures, 1)
    if (charged && this.pool.failOn.has(stage)) this.pool.failed(this.backend, reason, this.#changes)
  }
}
