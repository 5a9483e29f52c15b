/** Applies edits to a request's fields, so that whoever reads them next sees what the backend will get. */
import type { FieldEdit } from "../http/field-writer.js"
import type { Field } from "../http/head.js"
import { lookalikesOf } from "./lookalikes.js"

/** Returns the fields after the edits, edited ones last. Fields that look like an edited one are dropped. */
export function editFields(fields: readonly Field[], edits: readonly FieldEdit[]): readonly Field[] {
  const edited = new Map<string, readonly Field[]>()
  for (const { action, key, value, line } of edits) {
    const before = edited.get(key) ?? fields.filter(({ name }) => name === key)
    const own = action === "remove" ? [] : [{ name: key, value, line }]
    edited.set(key, action === "append" ? [...before, ...own] : own)
  }
  const lookalikes = lookalikesOf([...edited.keys()], fields)
  const kept = fields.filter(({ name }) => !edited.has(name) && !lookalikes.includes(name))
  return [...kept, ...[...edited.values()].flat()]
}
