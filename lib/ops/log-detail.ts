/**
 * How much sessions log between their start and their end. In shared memory: the main thread has the log and
 * its level, worker threads have the sessions. At levels above `debug` a session only reads this cell.
 */
export class LogDetail {
  constructor(private readonly cells: Int32Array) {}

  /** The log shows `debug`. */
  get isDebug(): boolean {
    return Atomics.load(this.cells, 0) >= DEBUG
  }

  /** The log shows `trace`. */
  get isTrace(): boolean {
    return Atomics.load(this.cells, 0) >= TRACE
  }

  /** @param level the lowest one that the log shows; a log without levels gets no such lines */
  follow(level: string | undefined): void {
    Atomics.store(this.cells, 0, level === "trace" ? TRACE : level === "debug" ? DEBUG : 0)
  }
}

const DEBUG = 1
const TRACE = 2
