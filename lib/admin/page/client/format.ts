/** Numbers as the page writes them: short, with units, of about the same width. */

/** Shown where there is no value. */
export const NOTHING = "–"

const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })

export function formatCount(value: number): string {
  return Number.isFinite(value) ? counts.format(value) : NOTHING
}

/** A rate per second. One decimal below 10, so that slow traffic is not shown as 0. */
export function formatRate(value: number): string {
  if (!Number.isFinite(value)) return NOTHING
  return value < 10 ? value.toFixed(1) : formatCount(value)
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"]

/** Decimal units, as network rates are given in: 1 kB = 1000 B. */
export function formatBytes(value: number): string {
  if (!Number.isFinite(value)) return NOTHING
  let scaled = value
  let unit = 0
  // 999.5 would be rounded to 1000.
  while (scaled >= 999.5 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1000
    unit++
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : 1
  return `${scaled.toFixed(digits)} ${BYTE_UNITS[unit]}`
}

export function formatByteRate(value: number): string {
  return Number.isFinite(value) ? `${formatBytes(value)}/s` : NOTHING
}

/** The two largest units of a duration. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return NOTHING
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} m ${twoDigits(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${twoDigits(minutes % 60)} m`
  return `${Math.floor(hours / 24)} d ${twoDigits(hours % 24)} h`
}

/** The time of day, with the date unless it is the same day as now. */
export function formatMoment(iso: string, now = new Date()): string {
  const moment = new Date(iso)
  const time = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(twoDigits).join(":")
  if (moment.toDateString() === now.toDateString()) return time
  return `${moment.getFullYear()}-${twoDigits(moment.getMonth() + 1)}-${twoDigits(moment.getDate())} ${time}`
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0")
}

/** Milliseconds with one decimal, for timings that are compared with each other. */
export function formatMs(ms: number): string {
  return `${ms.toFixed(1)} ms`
}

/** @param max 0 = unlimited */
export function formatUse(used: number, max: number): string {
  return max === 0 ? formatCount(used) : `${formatCount(used)} / ${formatCount(max)}`
}

/** @param share 0 to 1 */
export function formatShare(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : NOTHING
}
