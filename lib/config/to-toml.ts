/** Writes values as TOML. */

/** `key = value`, on one line if it fits into `columns`, else with one member of a list on each line. */
export function toToml(key: string, value: unknown, columns: number): string {
  const line = `${key} = ${valueToToml(value)}`
  if (line.length <= columns || !Array.isArray(value)) return line
  return [`${key} = [`, ...value.map((member) => `  ${valueToToml(member)},`), "]"].join("\n")
}

/** A value on one line. TOML's basic strings have the escapes of JSON. */
export function valueToToml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueToToml).join(", ")}]`
  if (typeof value !== "object" || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, member]) => `${keyToToml(key)} = ${valueToToml(member)}`)
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`
}

function keyToToml(key: string): string {
  return /^[\w-]+$/.test(key) ? key : JSON.stringify(key)
}
