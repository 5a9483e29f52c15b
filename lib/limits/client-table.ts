/**
 * Remembers clients in one fixed piece of shared memory, so that worker threads limit them together and a
 * flood of addresses never fills memory: a hash table of buckets, each with 32 slots and a lock.
 *
 * A client has at most one slot, in the bucket that its key hashes to. A slot without connections may be
 * given to another client. One with connections never is, so that `release` needs no lock.
 */
import { randomInt } from "node:crypto"
import { threadId } from "node:worker_threads"
import { acquire, release } from "../shared/cells.js"
import type { ClientKey } from "./client-key.js"

/** 65 536 clients in 1.3 MB, of which the system backs only the pages that were touched. */
const BUCKETS = 2 ** 11
/** With half of all slots taken, one bucket in 50 000 is full. */
const SLOTS_PER_BUCKET = 32

const CELL_BYTES = Int32Array.BYTES_PER_ELEMENT
/** A time, a key of two cells and a count. */
const BYTES_PER_SLOT = Float64Array.BYTES_PER_ELEMENT + 3 * CELL_BYTES
const BYTES_PER_BUCKET = SLOTS_PER_BUCKET * BYTES_PER_SLOT + CELL_BYTES

const FREE = 0
/** A held lock says which thread holds it, so that locks of a thread that died can be found. */
const HELD = threadId + 1
/** A lock is held for less than a microsecond, unless its thread was descheduled or terminated meanwhile. */
const SPINS = 100
const LOCK_TIMEOUT_MS = 1000

export class ClientTable {
  readonly #seed: Int32Array
  readonly #locks: Int32Array
  readonly #keys: Int32Array
  readonly #connections: Int32Array
  readonly #held: Int32Array | undefined
  readonly #fullAtMs: Float64Array
  readonly #buckets: number

  /**
   * @param memory from `createMemory`; tables with the same memory are one table
   * @param held memory of the same size, all 0, in which a worker thread counts its own connections
   */
  constructor(
    readonly memory: SharedArrayBuffer = ClientTable.createMemory(),
    held?: SharedArrayBuffer,
  ) {
    const buckets = Math.floor(memory.byteLength / BYTES_PER_BUCKET)
    const slots = buckets * SLOTS_PER_BUCKET
    // 64-bit numbers first, because they must be aligned.
    this.#fullAtMs = new Float64Array(memory, 0, slots)
    let offset = slots * Float64Array.BYTES_PER_ELEMENT
    const next = (cells: number) => {
      const view = new Int32Array(memory, offset, cells)
      offset += cells * CELL_BYTES
      return view
    }
    this.#keys = next(2 * slots)
    this.#connections = next(slots)
    const { byteOffset, length } = this.#connections
    this.#held = held && new Int32Array(held, byteOffset, length)
    this.#locks = next(buckets)
    this.#seed = next(1)
    this.#buckets = buckets
  }

  /**
   * Memory of an empty table. Its hash is seeded, so that nobody can choose addresses that fill one bucket.
   */
  static createMemory(buckets = BUCKETS): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(buckets * BYTES_PER_BUCKET + CELL_BYTES)
    new ClientTable(memory).#seed[0] = randomInt(2 ** 32) | 0
    return memory
  }

  /**
   * Locks the client's bucket, calls `use` with the client's slot and returns its result. Returns undefined
   * without calling it if all slots of the bucket belong to other clients with connections: then the client
   * is not remembered.
   */
  withSlot<Result>(key: ClientKey, nowMs: number, use: (slot: number) => Result): Result | undefined {
    const bucket = this.#bucketOf(key)
    if (!this.#lock(bucket)) return undefined
    try {
      const slot = this.#slotOf(bucket, key, nowMs)
      return slot === undefined ? undefined : use(slot)
    } finally {
      this.#unlock(bucket)
    }
  }

  connections(slot: number): number {
    return Atomics.load(this.#connections, slot)
  }

  /** When the client's bucket of connections is full again. Only within `withSlot`. */
  fullAtMs(slot: number): number {
    return this.#fullAtMs[slot] ?? 0
  }

  /** Counts a connection. Only within `withSlot`; `release` may be called at any time. */
  acquire(slot: number, fullAtMs: number): void {
    this.#fullAtMs[slot] = fullAtMs
    acquire(this.#connections, slot, 0, this.#held)
  }

  release(slot: number): void {
    release(this.#connections, slot, this.#held)
  }

  /** Unlocks what a thread held when it died. */
  unlockFor(thread: number): void {
    for (let bucket = 0; bucket < this.#buckets; bucket++) {
      Atomics.compareExchange(this.#locks, bucket, thread + 1, FREE)
    }
  }

  /** How many clients have connections or a rate that is partly used. Reads all slots. */
  size(nowMs: number): number {
    let size = 0
    for (let slot = 0; slot < this.#connections.length; slot++) {
      if (this.connections(slot) > 0 || this.fullAtMs(slot) > nowMs) size++
    }
    return size
  }

  /** The client's slot: the one that it has, or else one that it gets now. */
  #slotOf(bucket: number, { high, low }: ClientKey, nowMs: number): number | undefined {
    const keys = this.#keys
    const first = bucket * SLOTS_PER_BUCKET
    for (let slot = first; slot < first + SLOTS_PER_BUCKET; slot++) {
      if (keys[2 * slot] === high && keys[2 * slot + 1] === low) return slot
    }
    const free = this.#freeSlot(first)
    if (free === undefined) return undefined
    keys[2 * free] = high
    keys[2 * free + 1] = low
    this.#fullAtMs[free] = nowMs
    return free
  }

  /**
   * The slot without connections whose rate is the least used: forgetting that client gives the least away.
   * The plain read is safe: only the holder of the lock counts up, and a release that is seen late leaves a
   * slot unused.
   */
  #freeSlot(first: number): number | undefined {
    let free: number | undefined
    let freeAtMs = Number.POSITIVE_INFINITY
    for (let slot = first; slot < first + SLOTS_PER_BUCKET; slot++) {
      const fullAtMs = this.fullAtMs(slot)
      if (fullAtMs >= freeAtMs || this.#connections[slot] !== 0) continue
      free = slot
      freeAtMs = fullAtMs
    }
    return free
  }

  /** A mix in the manner of MurmurHash3's last step. */
  #bucketOf({ high, low }: ClientKey): number {
    let hash = Math.imul(high ^ (this.#seed[0] ?? 0), 0x9e3779b1)
    hash = Math.imul(hash ^ (hash >>> 15) ^ low, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    return ((hash ^ (hash >>> 16)) >>> 0) % this.#buckets
  }

  #lock(bucket: number): boolean {
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.compareExchange(this.#locks, bucket, FREE, HELD) === FREE) return true
    }
    // The holder was descheduled: sleep, so that it gets a core.
    for (let waitedMs = 0; waitedMs < LOCK_TIMEOUT_MS; waitedMs++) {
      const holder = Atomics.compareExchange(this.#locks, bucket, FREE, HELD)
      if (holder === FREE) return true
      Atomics.wait(this.#locks, bucket, holder, 1)
    }
    return false
  }

  #unlock(bucket: number): void {
    Atomics.store(this.#locks, bucket, FREE)
  }
}
