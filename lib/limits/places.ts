/** A limited number of places. Who acquires one releases it exactly once. */

/** A place that is held. */
export interface Place {
  release(): void
}

export class Places implements Place {
  #taken = 0

  /** @param max 0 = unlimited */
  constructor(private readonly max: number) {}

  /** Takes a place, or returns false where all are taken: then there is nothing to release. */
  acquire(): boolean {
    if (this.max !== 0 && this.#taken >= this.max) return false
    this.#taken++
    return true
  }

  release(): void {
    this.#taken--
  }
}
