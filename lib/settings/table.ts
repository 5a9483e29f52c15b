/** Unchecked tables, as TOML or a program provides them. */

export type Table = Readonly<Record<string, unknown>>

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** The table, or an empty one in place of anything else. */
export function toTable(value: unknown): Table {
  return isTable(value) ? value : {}
}

/** The tables of a list, each with its index. */
export function toTables(value: unknown): [index: number, table: Table][] {
  const members: unknown[] = Array.isArray(value) ? value : []
  return members.flatMap((member, index) => (isTable(member) ? [[index, member] as [number, Table]] : []))
}

/** Whether a key has a value. One that is set to undefined counts as absent. */
export function isSet(table: Table, key: string): boolean {
  return table[key] !== undefined
}
