/** Two worker threads that acquire and release places in shared memory as fast as they can. */
import { once } from "node:events"
import { Worker } from "node:worker_threads"

const THREADS = 2

/** The shared memory: one cell of places, or a table of clients with a limit or a rate each. */
export type Hammered =
  | { readonly kind: "cell"; readonly cells: Int32Array; readonly max: number }
  | {
      readonly kind: "clients"
      readonly memory: SharedArrayBuffer
      readonly max: number
      readonly clients: number
    }
  | {
      readonly kind: "rates"
      readonly memory: SharedArrayBuffer
      readonly burst: number
      readonly clients: number
    }

/** The input of each thread. */
export interface HammerTask {
  readonly hammered: Hammered
  /** Places of each client that are held now, as counted by the threads. */
  readonly held: Int32Array
  /** Threads that are ready. They begin together. */
  readonly ready: Int32Array
  readonly threads: number
}

/** The results of each thread and of all together. */
export interface HammerReport {
  /** The most places of one client that were held at once. */
  readonly most: number
  /** Total places acquired. */
  readonly acquired: number
}

/** Resolves when both threads have ended and released all their places. */
export async function runHammers(hammered: Hammered): Promise<HammerReport> {
  const held = new Int32Array(new SharedArrayBuffer(64))
  const ready = new Int32Array(new SharedArrayBuffer(4))
  const task: HammerTask = { hammered, held, ready, threads: THREADS }
  const reports = await Promise.all(
    Array.from({ length: THREADS }, async () => {
      const worker = new Worker(new URL("./hammer.js", import.meta.url), { workerData: task })
      const [[report]] = await Promise.all([once(worker, "message"), once(worker, "exit")])
      return report as HammerReport
    }),
  )
  return {
    most: Math.max(...reports.map(({ most }) => most)),
    acquired: reports.reduce((sum, { acquired }) => sum + acquired, 0),
  }
}
