/** One backend of one pool: its identity, where it is, its settings, and how many sessions it has. */
import type { Address } from "../address/address.js"
import { type BackendAddress, parseBackendAddress } from "../address/backend-address.js"
import { acquire, createCells, release } from "../shared/cells.js"
import { BYTES_OFFSET, CELL, CELLS_PER_BACKEND } from "./backend-cells.js"
import { type BackendInput, type BackendSettings, toBackendSettings } from "./backend-settings.js"

export class Backend implements BackendAddress {
  /**
   * Its identity: the address as the user wrote it. Sticky cookies, hashing, logs and `Pool.remove` go by it.
   */
  readonly name: string
  readonly address: Address
  readonly authority: string
  readonly serverName: string
  readonly isTls: boolean
  readonly basePath: string
  /** Set by `drain`, in the settings or at run time. */
  drain: boolean
  #settings: BackendSettings

  /**
   * @param cells its row of shared memory, laid out by `CELL`. Backends with the same row share their counts
   * and health
   * @param held a row in which a worker thread counts its own places
   * @throws {AddressError}
   * @throws {SettingError}
   */
  constructor(
    input: BackendInput,
    readonly cells: Int32Array = createCells(CELLS_PER_BACKEND),
    private readonly held?: Int32Array,
  ) {
    const settings = toBackendSettings(input)
    const where = parseBackendAddress(settings.address)
    this.name = settings.address
    this.address = where.address
    this.authority = where.authority
    this.serverName = where.serverName
    this.isTls = where.isTls
    this.basePath = where.basePath
    this.#settings = settings
    this.drain = settings.drain
  }

  /** Takes over the settings of another one of the same name, after a reload. */
  adopt(other: Backend): void {
    this.#settings = other.#settings
    this.drain = other.drain
  }

  /** From 0 to 1000. */
  get weight(): number {
    return this.#settings.weight
  }

  /** 0 = unlimited. */
  get maxConnections(): number {
    return this.#settings.max_connections
  }

  get isBackup(): boolean {
    return this.#settings.backup
  }

  /** Places that sessions hold. */
  get active(): number {
    return Atomics.load(this.cells, CELL.active)
  }

  /** How often sessions have dialled it. Starts again at 2^32. */
  get dials(): number {
    return Atomics.load(this.cells, CELL.dials) >>> 0
  }

  /** How many of these attempts have failed by its own fault, at the dial or in the handshake. */
  get failures(): number {
    return Atomics.load(this.cells, CELL.failures) >>> 0
  }

  /** How many tunnels it has had. Starts again at 2^32. */
  get tunnels(): number {
    return Atomics.load(this.cells, CELL.tunnels) >>> 0
  }

  /** Tunnels that are open. */
  get liveTunnels(): number {
    return Atomics.load(this.cells, CELL.liveTunnels)
  }

  /** A session has got its 101. Its end is `endTunnel`. */
  beginTunnel(): void {
    Atomics.add(this.cells, CELL.tunnels, 1)
    acquire(this.cells, CELL.liveTunnels, 0, this.held)
  }

  endTunnel(): void {
    release(this.cells, CELL.liveTunnels, this.held)
  }

  /** Bytes that its tunnels have received from clients; 0 without metrics. */
  get bytesFromClient(): number {
    return Number(Atomics.load(this.#bytes(), 0))
  }

  /** Bytes that its tunnels have received from the backend; 0 without metrics. */
  get bytesFromBackend(): number {
    return Number(Atomics.load(this.#bytes(), 1))
  }

  addBytes(fromClient: number, fromBackend: number): void {
    Atomics.add(this.#bytes(), 0, BigInt(fromClient))
    Atomics.add(this.#bytes(), 1, BigInt(fromBackend))
  }

  /** A number that changes with each ejection and each return. */
  get changes(): number {
    return Atomics.load(this.cells, CELL.changes)
  }

  /** Gets no new sessions. */
  get isDraining(): boolean {
    return this.drain || this.weight === 0
  }

  get isFull(): boolean {
    return this.maxConnections > 0 && this.active >= this.maxConnections
  }

  /**
   * Takes a place for one session, or returns false if the backend is full: then there is nothing to release.
   */
  acquire(): boolean {
    return acquire(this.cells, CELL.active, this.maxConnections, this.held)
  }

  /** Gives one session's place back. */
  release(): void {
    release(this.cells, CELL.active, this.held)
  }

  #bytes(): BigInt64Array {
    return new BigInt64Array(this.cells.buffer, BYTES_OFFSET, 2)
  }
}
