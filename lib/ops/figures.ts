/**
 * Sizes and durations for people, in log lines, in the tables of rws ctl and on the admin page. Imports
 * nothing, since the page is compiled with it for browsers.
 */

/** Shown where there is no value. */
export const NOTHING = "–"

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB", "PB"]

/** As in "1.5 MB". Decimal units, as network rates are given in: 1 kB = 1000 B. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return NOTHING
  let scaled = bytes
  let unit = 0
  // 999.5 would be rounded to 1000.
  while (scaled >= 999.5 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1000
    unit++
  }
  const digits = unit === 0 || scaled >= 99.95 ? 0 : 1
  return `${scaled.toFixed(digits)} ${BYTE_UNITS[unit]}`
}

/** The two largest units, as in "2 h 05 m". Below a second three digits, as in "0.123 ms". */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return NOTHING
  if (ms < 999.5) return `${Number(Math.max(0, ms).toPrecision(3))} ms`
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${Math.max(1, Math.floor(ms / 100) / 10).toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} m ${twoDigits(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ${twoDigits(minutes % 60)} m`
  return `${Math.floor(hours / 24)} d ${twoDigits(hours % 24)} h`
}

export function twoDigits(value: number): string {
  return String(value).padStart(2, "0")
}
