/** A turn that goes round: one atomic counter in shared memory, so that worker threads can take turns from the same one. */
export class RoundRobin {
  readonly #counter: Uint32Array

  /** `memory` holds at least 4 bytes that nothing else uses; it may be shared with other threads. */
  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(Uint32Array.BYTES_PER_ELEMENT)) {
    this.#counter = new Uint32Array(memory)
  }

  /** The next number from 0 to `length` - 1. The counter wraps around at 2^32, where one round may be cut short. */
  next(length: number): number {
    return Atomics.add(this.#counter, 0, 1) % length
  }
}
