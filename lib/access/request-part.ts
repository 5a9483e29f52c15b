/** Parts of a request that a setting can name: `header:NAME`, `cookie:NAME`, `query:NAME`. */
import { cookiesOf } from "../http/cookies.js"
import { isToken, valuesOf } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"

export interface RequestPart {
  readonly kind: "header" | "cookie" | "query"
  /** Names of fields are in lower case. */
  readonly name: string
}

/** Returns undefined for anything else. Throws `SettingError` if the name is not valid. */
export function parseRequestPart(text: string): RequestPart | undefined {
  const [, kind, name = ""] = /^(header|cookie|query):(.*)$/s.exec(text) ?? []
  if (kind === "query" && name !== "") return { kind, name }
  if (kind !== "header" && kind !== "cookie") return undefined
  if (!isToken(name)) throw new SettingError(`"${text}" does not name a ${kind}: expected "${kind}:NAME"`)
  return { kind, name: kind === "header" ? name.toLowerCase() : name }
}

/** All values of this part, in order. Those of the query are decoded. */
export function valuesOfPart({ fields, target }: UpgradeRequest, { kind, name }: RequestPart): string[] {
  if (kind === "header") return valuesOf(fields, name)
  if (kind === "cookie") return cookiesOf(fields, name)
  const mark = target.indexOf("?")
  // As `removeQuery` reads it: a "?" at the start of the text would be dropped.
  return mark < 0 ? [] : new URLSearchParams(`&${target.slice(mark + 1)}`).getAll(name)
}
