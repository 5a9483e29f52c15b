import { toAddressText } from "../address/backend-address.js"
import type { Config } from "./schema.js"

/**
 * A copy of a configuration, in case the program changes its object. A `Pool` stays the same object, and a
 * `URL` becomes text, so that nothing else needs to know it.
 */
export function snapshot(config: Config): Config {
  return copy(config) as Config
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy)
  if (value instanceof URL) return toAddressText(value)
  if (!isPlain(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copy(member)]))
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
