/** `max_connections` of the endpoints of one registry: exact, over all worker threads. */
import { hash } from "node:crypto"
import { SessionEnd } from "../close-reason.js"
import { ClientTable } from "../limits/client-table.js"
import type { Place } from "../limits/places.js"
import type { Endpoint } from "./endpoint-schema.js"

export class EndpointPlaces {
  /** @param table in memory that worker threads share. Default: its own */
  constructor(private readonly table: ClientTable = new ClientTable()) {}

  /**
   * Takes a place for one session. Returns undefined if the endpoint has no limit. Throws
   * `SessionEnd("endpoint_full")`, also if the table has no room to count another endpoint.
   */
  acquire({ id, maxConnections }: Endpoint): Place | undefined {
    if (maxConnections === 0) return undefined
    const { table } = this
    const place = table.withSlot(slotKeyOf(id), 0, (slot) => {
      if (table.connections(slot) >= maxConnections) return undefined
      table.acquire(slot, 0)
      return new EndpointPlace(table, slot)
    })
    if (place === undefined) throw new SessionEnd("endpoint_full")
    return place
  }
}

class EndpointPlace implements Place {
  constructor(
    private readonly table: ClientTable,
    private readonly slot: number,
  ) {}

  release(): void {
    this.table.release(this.slot)
  }
}

/** 64 bits of a hash: two endpoints with the same ones will not be found. */
function slotKeyOf(id: string): { high: number; low: number } {
  const bytes = hash("sha256", id, "buffer")
  return { high: bytes.readInt32BE(0), low: bytes.readInt32BE(4) }
}
