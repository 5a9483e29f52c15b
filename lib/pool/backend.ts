/** One backend of one pool: where it is, what was set for it, and how many sessions it has. */

import type { Address } from "../address/address.js"
import { type BackendAddress, parseBackendAddress } from "../address/backend-address.js"
import { allocate, free } from "../shared/cells.js"
import { CELL, CELLS_PER_BACKEND } from "./backend-cells.js"
import { type BackendInput, toBackendSettings } from "./pool-settings.js"

export class Backend implements BackendAddress {
  /** The address as the user wrote it. */
  readonly name: string
  readonly address: Address
  readonly isTls: boolean
  readonly basePath: string
  /** From 1 to 1000. */
  readonly weight: number
  /** 0 = no limit. */
  readonly maxConnections: number
  readonly isBackup: boolean
  #cells = allocate(CELLS_PER_BACKEND)
  #isRetired = false

  /** Throws `AddressError` and `SettingError`. */
  constructor(input: BackendInput) {
    const settings = toBackendSettings(input)
    const { address, isTls, basePath } = parseBackendAddress(settings.address)
    this.name = settings.address
    this.address = address
    this.isTls = isTls
    this.basePath = basePath
    this.weight = settings.weight
    this.maxConnections = settings.max_connections
    this.isBackup = settings.backup
  }

  /** Its row of shared memory, for the rest of this room. To be asked for each time: `retire` replaces it. */
  get cells(): Int32Array {
    return this.#cells
  }

  /** Sessions that have reserved it and not released it yet. */
  get active(): number {
    return Atomics.load(this.#cells, CELL.active)
  }

  get isFull(): boolean {
    return this.maxConnections > 0 && this.active >= this.maxConnections
  }

  /** Takes a place for one more session, unless it is full. Who got one calls `release` once. */
  tryReserve(): boolean {
    const cells = this.#cells
    for (let active = this.active; ; ) {
      if (this.maxConnections > 0 && active >= this.maxConnections) return false
      const found = Atomics.compareExchange(cells, CELL.active, active, active + 1)
      if (found === active) return true
      active = found
    }
  }

  /** Gives the place of one session back. */
  release(): void {
    Atomics.sub(this.#cells, CELL.active, 1)
    if (this.#isRetired) this.#freeCells()
  }

  /** It is in no pool any more: its memory is free once the last session has released it. */
  retire(): void {
    this.#isRetired = true
    this.#freeCells()
  }

  /**
   * A session that was given its order before may still try this backend, and a health check may still end. They count in
   * memory of nobody else from here on, never in the row's next owner's.
   */
  #freeCells(): void {
    if (this.active > 0) return
    free(this.#cells)
    this.#cells = new Int32Array(CELLS_PER_BACKEND)
  }
}
