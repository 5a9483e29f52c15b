/** A limited number of places, which worker threads may share. */
import { acquire, createCells, release } from "../shared/cells.js"

/** A place that is held. Whoever acquired it releases it exactly once. */
export interface Place {
  release(): void
}

export class Places implements Place {
  /**
   * @param max 0 = unlimited. May be changed at any time; places that are taken stay taken
   * @param taken one cell that holds how many are taken; whoever has the same cell shares the places
   * @param held one cell that counts those that this thread has taken; for worker threads
   */
  constructor(
    public max: number,
    readonly taken: Int32Array = createCells(1),
    private readonly held?: Int32Array,
  ) {}

  /** Takes a place, or returns false if all are taken: then there is nothing to release. */
  acquire(): boolean {
    return acquire(this.taken, 0, this.max, this.held)
  }

  release(): void {
    release(this.taken, 0, this.held)
  }
}
