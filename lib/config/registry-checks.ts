/** Checks of several keys about registries: each that is named exists, has a key, and a store that fits. */
import { closest } from "fastest-levenshtein"
import { crossCheckRegistry, STORES } from "../registry/registry-schema.js"
import { isSet, type Table, toTables } from "../settings/table.js"
import type { ConfigProblem } from "./problem.js"

type Path = ConfigProblem["path"]

/** A `[registry.NAME]`: its store has what it needs. */
export function conflictsOfRegistry(registry: Table, path: Path): ConfigProblem[] {
  const text = (key: string) => (typeof registry[key] === "string" ? registry[key] : undefined)
  const store = STORES.find((name) => name === registry.store)
  if (store === undefined) return []
  const settings = { store, file: text("file"), url: text("url"), password_file: text("password_file") }
  return crossCheckRegistry(settings).map(([key, message]) => ({ path: [...path, key], message }))
}

/** A listener and its routes: each registry that is named exists, and has a key. */
export function conflictsOfRegistryKeys(listener: Table, path: Path, registries: Table): ConfigProblem[] {
  const routes = toTables(listener.route).map(([index, route]) => ({
    place: route,
    at: [...path, "route", index],
  }))
  const places = [{ place: listener, at: path }, ...routes]
  const isUsed = places.some(({ place }) => isSet(place, "registry"))
  return places.flatMap(({ place, at }) => {
    const problems: ConfigProblem[] = []
    const add = (key: string, message: string) => problems.push({ path: [...at, key], message })
    const { registry } = place
    if (typeof registry === "string") {
      for (const key of ["pool", "backends"].filter((key) => isSet(place, key))) {
        add("registry", `cannot be combined with ${key}`)
      }
      if (!isSet(place, "registry_key") && !isSet(listener, "registry_key")) {
        add("registry", 'needs a registry_key, e.g. "query:endpointId"')
      }
      if (!Object.hasOwn(registries, registry)) {
        const names = Object.keys(registries)
        const hint =
          names.length === 0 ? "no [registry.NAME] is defined" : `did you mean "${closest(registry, names)}"?`
        add("registry", `unknown registry "${registry}"; ${hint}`)
      }
    }
    for (const key of ["registry_key", "keep_key"].filter((key) => isSet(place, key) && !isUsed)) {
      add(key, "has no effect without registry")
    }
    return problems
  })
}
