/** An entry as a hash of Redis: text in each of its fields. */
import type { EndpointEntry } from "./endpoint-schema.js"

export type Hash = Record<string, string>

const FLAGS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
])

/**
 * The entry in a hash, unchecked; undefined for an empty one, which Redis does not distinguish from none.
 * What is not understood stays as it is, so that the check of the entry reports it.
 */
export function fromHash(hash: Readonly<Hash>): unknown {
  const entries = Object.entries(hash)
  if (entries.length === 0) return undefined
  return Object.fromEntries(entries.map(([name, text]) => [name, fromText(name, text)]))
}

export function toHash(entry: EndpointEntry): Hash {
  const entries = Object.entries(entry).filter(([, value]) => value !== undefined)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]),
  )
}

function fromText(name: string, text: string): unknown {
  switch (name) {
    case "active":
      return FLAGS.get(text.toLowerCase()) ?? text
    case "max_connections":
      return /^\d{1,15}$/.test(text) ? Number(text) : text
    case "fields":
      return jsonOf(text)
    case "allowed_origins":
      return /^\s*\[/.test(text) ? jsonOf(text) : membersOf(text)
    default:
      return text
  }
}

/** Commas and white space are in no origin. */
function membersOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((member) => member !== "")
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
