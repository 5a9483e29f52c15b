/** The registries of one configuration. Their counts outlive their settings. */
import type { Config, Settings } from "../config/schema.js"
import { ClientTable } from "../limits/client-table.js"
import type { Observer } from "../ops/observer.js"
import { Registry } from "../registry/registry.js"
import type { RegistrySettings } from "../registry/registry-schema.js"
import type { Clock } from "../shared/clock.js"
import { versionOf } from "../shared/file-watch.js"
import type { Rows } from "../shared/rows.js"
import { tableIdentity } from "./listener-rows.js"
import { keyOf, type Services } from "./services.js"

/** @param written the same registries as they are written */
export function planRegistries(
  registries: Settings["registry"],
  written: Config["registry"],
  rows: Rows,
  services: Services,
  observer: Pick<Observer, "serviceFailed">,
  clock: Clock,
): ReadonlyMap<string, Registry> {
  const planned = Object.entries(registries).map(([name, settings]) => {
    const identity = `registry ${JSON.stringify(name)}`
    const counts = tableIdentity(identity)
    const memory = rows.memory(counts, () => ClientTable.createMemory())
    const table = new ClientTable(memory, rows.held(counts))
    const onFault = (error: Error) => observer.serviceFailed(`registry ${name}`, error.message, error.cause)
    const create = () => new Registry(name, settings, { table, clock, onFault })
    const key = keyOf(identity, [written?.[name], versionsOf(settings)])
    return [name, services.take(Registry, key, create)] as const
  })
  return new Map(planned)
}

/** A reload reads those files again that have changed. */
function versionsOf({ file, password_file, tls }: RegistrySettings): (string | undefined)[] {
  return [file, password_file, tls?.ca, tls?.cert, tls?.key].map((path) => path && versionOf(path))
}
