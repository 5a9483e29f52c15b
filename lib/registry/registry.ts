/** A registry at work: leads each request to the endpoint that it names. */
import type { AskedRequest } from "../access/check.js"
import { parseDestinations } from "../address/destinations.js"
import { SessionEnd } from "../close-reason.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { ClientTable } from "../limits/client-table.js"
import { type Clock, systemClock } from "../shared/clock.js"
import { CachedSource } from "./cached-source.js"
import type { EndpointKey } from "./endpoint-key.js"
import { EndpointPlaces } from "./endpoint-places.js"
import { EndpointPools } from "./endpoint-pools.js"
import type { Endpoint } from "./endpoint-schema.js"
import type { EndpointSource } from "./endpoint-source.js"
import { targetAt } from "./endpoint-url.js"
import { FileSource } from "./file-source.js"
import { HttpStore } from "./http-store.js"
import type { Destination, Locator } from "./locator.js"
import { RedisStore } from "./redis-store.js"
import type { RegistrySettings } from "./registry-schema.js"

export interface RegistryDependencies {
  /** Counts the connections of endpoints, in memory that worker threads share. Default: its own. */
  readonly table?: ClientTable
  /** Default: the system's. */
  readonly clock?: Clock
  /**
   * Told when the store begins to fail, or the file has a version that can't be used. What sessions suffer
   * from it is their own end.
   */
  onFault(error: Error): void
}

export class Registry {
  readonly #source: EndpointSource
  readonly #pools: EndpointPools
  readonly #places: EndpointPlaces

  /** @param name as in `[registry.NAME]` */
  constructor(
    name: string,
    settings: RegistrySettings,
    { table, clock = systemClock, onFault }: RegistryDependencies,
  ) {
    const { allow_destinations, tls = {}, max_entries } = settings
    const title = `registry ${name}`
    const tell = (error: Error) => onFault(new Error(`${title}: ${error.message}`, { cause: error }))
    this.#source = toSource(settings, tell, clock)
    this.#pools = new EndpointPools(title, parseDestinations(allow_destinations), tls, max_entries)
    this.#places = new EndpointPlaces(table)
  }

  /** Reads its files, and binds and connects to nothing. Throws `SettingError`. */
  async prepare(): Promise<void> {
    this.#pools.prepare()
    await this.#source.prepare()
  }

  /** Ends timers, watchers and connections; what is in flight may finish. */
  stop(): void {
    this.#source.stop()
  }

  /**
   * Leads requests to the endpoints that they name.
   * @param keepsKey whether the backend gets the key
   */
  locator(key: EndpointKey, keepsKey: boolean): Locator {
    const keyEdits = keepsKey ? NO_EDITS : key.edits
    return {
      locate: (asked, path) => {
        const id = key.read(asked.request, path)
        const rest = keepsKey ? path : key.removeFrom(path)
        const lead = (endpoint: Endpoint | undefined) => this.#leadTo(endpoint, asked, rest, keyEdits)
        const found = this.#source.get(id)
        return found instanceof Promise ? found.then(lead, refuseUnasked) : lead(found)
      },
    }
  }

  /** Throws the `SessionEnd` of a request that may not go there. */
  #leadTo(
    endpoint: Endpoint | undefined,
    { received }: AskedRequest,
    path: string,
    keyEdits: readonly FieldEdit[],
  ): Destination {
    if (endpoint === undefined) throw new SessionEnd("unknown_endpoint")
    if (!endpoint.isActive) throw new SessionEnd("inactive_endpoint")
    // The client's own Origin, whatever a check tells the backend.
    endpoint.checkOrigin(received.fields)
    const running = this.#pools.poolOf(endpoint.address)
    // The endpoint may set the field that had the key.
    const edits = keyEdits.length === 0 ? endpoint.edits : [...keyEdits, ...endpoint.edits]
    const target = targetAt(endpoint, path)
    // Last, since what throws after it would not give it back.
    const place = this.#places.acquire(endpoint)
    return { running, path: target, endpoint: endpoint.id, edits, place }
  }
}

const NO_EDITS: readonly FieldEdit[] = []

function refuseUnasked(error: unknown): never {
  throw new SessionEnd("registry_failed", "", error)
}

function toSource(settings: RegistrySettings, onFault: (error: Error) => void, clock: Clock): EndpointSource {
  const { store, file = "", url = "" } = settings
  if (store === "file") return new FileSource(file, onFault)
  const remote =
    store === "redis" ? new RedisStore({ ...settings, url }, clock) : new HttpStore({ ...settings, url })
  return new CachedSource(remote, settings, onFault, clock)
}
