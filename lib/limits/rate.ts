/** A rate as users write it. */
import { SettingError } from "../settings/setting-error.js"

export interface Rate {
  readonly count: number
  /** The time in which that many may come. */
  readonly perMs: number
}

const UNITS_MS = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
])
const MAX_COUNT = 1_000_000

/** Parses `20/s`, `100/m` or `1000/h`: per second, minute or hour. Throws `SettingError`. */
export function parseRate(text: string): Rate {
  const [, digits, unit = ""] = /^([1-9]\d{0,6})\/([smh])$/.exec(text) ?? []
  const count = Number(digits)
  const perMs = UNITS_MS.get(unit)
  if (perMs === undefined)
    throw new SettingError(`"${text}" is not a rate: expected e.g. "20/s", "100/m" or "1000/h"`)
  if (count > MAX_COUNT) throw new SettingError(`"${text}" is too high: expected at most ${MAX_COUNT}`)
  return { count, perMs }
}
