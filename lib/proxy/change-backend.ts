/**
 * Changes of a pool by the admin API, as changes of the configuration: a reload applies them to all threads
 * at once, worker threads that are replaced later get them too, and the next reload of the file ends them.
 */

import { formatAddress, parseBindAddress } from "../address/address.js"
import { AdminError } from "../admin/route.js"
import type { BackendChange } from "../admin/source.js"
import type { Config } from "../config/schema.js"
import { type BackendInput, toBackendTable } from "../pool/backend-settings.js"
import { Pool } from "../pool/pool.js"

type Backends = NonNullable<Config["ws_proxy"][number]["backends"]>

/** Where a configuration has backends. */
interface Place {
  /** What the log and the API call the pool. */
  readonly name: string
  readonly backends: Backends
  /** The configuration with these backends in place of its own. */
  replace(backends: readonly BackendInput[]): Config
}

/**
 * The configuration with this change. undefined if the pool was made by a program: then the `Pool` has been
 * changed.
 * @throws {AdminError} 404 or 409
 */
export function changeBackend(config: Config, pool: string, change: BackendChange): Config | undefined {
  const place = findPlace(config, pool)
  const { backends } = place
  if (backends instanceof Pool) {
    changePool(backends, change)
    return undefined
  }
  return place.replace(changeList(backends, change))
}

function changeList(backends: readonly BackendInput[], change: BackendChange): readonly BackendInput[] {
  const { kind, backend: name } = change
  const index = backends.findIndex((backend) => toBackendTable(backend).address === name)
  if (kind === "add") {
    if (index >= 0) throw new AdminError(409, `${name} is in this pool already`)
    const { weight } = change
    return [...backends, weight === undefined ? name : { address: name, weight }]
  }
  const found = backends[index]
  if (found === undefined) throw unknownBackend(name)
  const table = toBackendTable(found)
  switch (kind) {
    case "remove":
      if (backends.length === 1) {
        throw new AdminError(
          409,
          `${name} is the last backend of this pool: drain it, or add another one first`,
        )
      }
      return backends.filter((backend) => backend !== found)
    case "weight":
      return backends.with(index, { ...table, weight: change.weight })
    case "drain":
      return backends.with(index, { ...table, drain: true })
    case "undrain":
      if (table.weight === 0) throw new AdminError(409, `${name} has weight 0: set its weight`)
      return backends.with(index, { ...table, drain: false })
  }
}

function changePool(pool: Pool, change: BackendChange): void {
  const { kind, backend: name } = change
  const isThere = pool.backends.includes(name)
  if (kind === "add") {
    if (isThere) throw new AdminError(409, `${name} is in this pool already`)
    pool.add(change.weight === undefined ? name : { address: name, weight: change.weight })
    return
  }
  if (!isThere) throw unknownBackend(name)
  if (kind === "weight")
    throw new AdminError(409, "a program has made this pool: its weights can't be changed")
  if (kind === "remove") pool.remove(name)
  else pool.drain(name, kind === "drain")
}

function findPlace(config: Config, pool: string): Place {
  const [place, other] = placesOf(config).filter(({ name }) => name === pool)
  if (place === undefined) throw new AdminError(404, `no pool ${JSON.stringify(pool)}`)
  // A [pool.NAME] may be called as a listener that has backends of its own.
  if (other !== undefined)
    throw new AdminError(409, `two pools are called ${JSON.stringify(pool)}: rename one`)
  return place
}

/** As `composeListener` names them. */
function placesOf(config: Config): Place[] {
  const named = Object.entries(config.pool ?? {}).map(
    ([name, pool]): Place => ({
      name,
      backends: pool.backends,
      replace: (backends) => ({
        ...config,
        pool: { ...config.pool, [name]: { ...pool, backends: [...backends] } },
      }),
    }),
  )
  const inline = config.ws_proxy.flatMap((listener, index): Place[] => {
    const title = listener.name ?? formatAddress(parseBindAddress(listener.bind))
    const replaceListener = (changed: typeof listener): Config => ({
      ...config,
      ws_proxy: config.ws_proxy.with(index, changed),
    })
    const own: Place[] = []
    if (listener.backends !== undefined) {
      own.push({
        name: title,
        backends: listener.backends,
        replace: (backends) => replaceListener({ ...listener, backends: [...backends] }),
      })
    }
    const { route: routes = [] } = listener
    for (const [number, route] of routes.entries()) {
      if (route.backends === undefined) continue
      own.push({
        name: `${title} route ${number + 1}`,
        backends: route.backends,
        replace: (backends) =>
          replaceListener({ ...listener, route: routes.with(number, { ...route, backends: [...backends] }) }),
      })
    }
    return own
  })
  return [...named, ...inline]
}

function unknownBackend(name: string): AdminError {
  return new AdminError(404, `no backend ${JSON.stringify(name)} in this pool`)
}
