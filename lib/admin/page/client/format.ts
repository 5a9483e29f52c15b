/** Numbers as the page writes them: short, with units, of about the same width. */
import { formatBytes, NOTHING, twoDigits } from "../../../ops/figures.js"

const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 0 })

export function formatCount(value: number): string {
  return Number.isFinite(value) ? counts.format(value) : NOTHING
}

/** A rate per second. One decimal below 10, so that slow traffic is not shown as 0. */
export function formatRate(value: number): string {
  if (!Number.isFinite(value)) return NOTHING
  return value < 10 ? value.toFixed(1) : formatCount(value)
}

export function formatByteRate(value: number): string {
  return Number.isFinite(value) ? `${formatBytes(value)}/s` : NOTHING
}

/** The time of day, with the date unless it is the same day as now. */
export function formatMoment(iso: string, now = new Date()): string {
  const moment = new Date(iso)
  const time = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(twoDigits).join(":")
  if (moment.toDateString() === now.toDateString()) return time
  return `${moment.getFullYear()}-${twoDigits(moment.getMonth() + 1)}-${twoDigits(moment.getDate())} ${time}`
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
