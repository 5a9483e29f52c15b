/** Rows in which each thread that serves counts by itself, for metrics. They outlive the thread. */
import type { Rows } from "../shared/rows.js"

/** The threads that count for metrics. */
export interface CountingThreads {
  /** The threads that serve, from 0. A worker thread knows only itself. */
  readonly threads: readonly number[]
  /** Whether this thread creates rows. A worker thread counts if it finds its row. */
  readonly isMetered: boolean
}

/** The row of each thread, in order; empty if no metrics are kept. */
export function threadRows(
  rows: Rows,
  identity: string,
  { threads, isMetered }: CountingThreads,
  create: () => SharedArrayBuffer,
): Float64Array[] {
  return threads.flatMap((thread) => {
    const name = `${identity} of thread ${thread}`
    const memory = isMetered ? rows.memory(name, create) : rows.find(name)
    return memory === undefined ? [] : [new Float64Array(memory)]
  })
}
