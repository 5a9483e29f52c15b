/** An ordered list of backends and the turn that decides with which of them a session begins. */
import { type BackendAddress, parseBackendAddress } from "../backend-address.js"
import { RoundRobin } from "./round-robin.js"

export interface Backend extends BackendAddress {
  /** The address as the user wrote it. */
  readonly name: string
}

/**
 * A live set of backends: what is added or removed counts for every session that begins after it. Tunnels that are open
 * stay where they are.
 */
export class Pool {
  #backends: readonly Backend[]
  readonly #turn = new RoundRobin()

  /**
   * @param backends each `host:port`, `[v6]:port`, `ws://host[:port]` or `unix:/path`; one that is there twice counts
   * once. There may be none, until `add`: clients get a 503 then
   * @throws {AddressError}
   */
  constructor(backends: string | Iterable<string> = []) {
    this.#backends = Array.from(new Set(typeof backends === "string" ? [backends] : backends), toBackend)
  }

  /** The backends as they were given, in order. */
  get backends(): string[] {
    return this.#backends.map(({ name }) => name)
  }

  /** Adds a backend at the end, unless it is there already. Throws `AddressError`. */
  add(backend: string): void {
    if (!this.backends.includes(backend)) this.#backends = [...this.#backends, toBackend(backend)]
  }

  /** Takes a backend out. Returns whether it was there. */
  remove(backend: string): boolean {
    const before = this.#backends.length
    this.#backends = this.#backends.filter(({ name }) => name !== backend)
    return this.#backends.length < before
  }

  /** Every backend once, in the order in which one session may try them. Taking the order takes a turn. */
  candidates(): readonly Backend[] {
    const backends = this.#backends
    if (backends.length < 2) return backends
    const first = this.#turn.next(backends.length)
    return [...backends.slice(first), ...backends.slice(0, first)]
  }
}

function toBackend(name: string): Backend {
  return { name, ...parseBackendAddress(name) }
}
