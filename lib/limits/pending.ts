/** How many sessions of a listener may be on their way to a tunnel at the same time. */

export class Pending {
  #count = 0

  /** @param max 0 = no limit */
  constructor(private readonly max: number) {}

  /** Counts a session that has begun, or returns false if there are as many as may be: then nothing is counted. */
  enter(): boolean {
    if (this.max !== 0 && this.#count >= this.max) return false
    this.#count++
    return true
  }

  /** A session that had entered has become a tunnel or ended. */
  leave(): void {
    this.#count--
  }
}
