/** Reads the parameters and bodies of the admin API. Throws an `AdminError` that says what is expected. */
import { LOG_LEVELS, type LogLevel } from "../config/schema.js"
import { AdminError } from "./route.js"
import { type SessionQuery, SORTS } from "./source.js"

const DEFAULT_LIMIT = 100
export const MAX_LIMIT = 1000
/** Each thread has to find that many sessions, so a page behind it has to be narrowed down by filters. */
export const MAX_OFFSET = 4000

const FILTERS = ["listener", "pool", "backend", "client", "stage"] as const

export function toSessionQuery(params: URLSearchParams): SessionQuery {
  refuseOthers([...params.keys()], [...FILTERS, "sort", "limit", "offset"], "parameter")
  const written = params.get("sort") ?? "-ageMs"
  const descending = written.startsWith("-")
  const sort = SORTS.find((name) => name === (descending ? written.slice(1) : written))
  if (sort === undefined) {
    throw new AdminError(400, `sort: expected one of ${SORTS.join(", ")}, with "-" in front for descending`)
  }
  const filters = Object.fromEntries(FILTERS.map((name) => [name, params.get(name) || undefined]))
  return {
    ...filters,
    sort,
    descending,
    limit: wholeIn(params, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
    offset: wholeIn(params, "offset", 0, 0, MAX_OFFSET),
  }
}

function wholeIn(params: URLSearchParams, name: string, standard: number, min: number, max: number): number {
  const text = params.get(name)
  if (text === null) return standard
  if (!/^\d{1,9}$/.test(text) || Number(text) < min || Number(text) > max) {
    throw new AdminError(400, `${name}: expected a whole number from ${min} to ${max}`)
  }
  return Number(text)
}

/** The members of a JSON object, of which only these are known. */
export function membersOf(body: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new AdminError(400, `expected a JSON object with ${known.join(" and ")}`)
  }
  refuseOthers(Object.keys(body), known, "member")
  return body as Readonly<Record<string, unknown>>
}

function refuseOthers(given: readonly string[], known: readonly string[], noun: string): void {
  const other = given.find((name) => !known.includes(name))
  if (other !== undefined) {
    throw new AdminError(400, `unknown ${noun} ${JSON.stringify(other)}: expected ${known.join(", ")}`)
  }
}

export function toText(value: unknown, name: string): string {
  if (typeof value !== "string" || value === "") throw new AdminError(400, `${name}: expected a text`)
  return value
}

/** The range is checked as for a configuration file. */
export function toWeight(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value)) {
    throw new AdminError(400, "weight: expected a whole number")
  }
  return value
}

export function toLevel(value: unknown): LogLevel {
  const level = LOG_LEVELS.find((known) => known === value)
  if (level === undefined) throw new AdminError(400, `level: expected one of ${LOG_LEVELS.join(", ")}`)
  return level
}
