/** Plain text for people: tables, sizes and durations. */

export interface Column<Row> {
  readonly title: string
  readonly isNumber?: boolean
  text(row: Row): string
}

/** Lines with a head, in columns that are as wide as they need to be. */
export function toTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ text }) => printable(text(row)))),
  ]
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => line[index]?.length ?? 0)))
  return cells.map((line) =>
    line
      .map((text, index) => {
        const width = widths[index] ?? 0
        return columns[index]?.isNumber ? text.padStart(width) : text.padEnd(width)
      })
      .join("  ")
      .trimEnd(),
  )
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"]

/** As in "1.5 MiB". */
export function formatBytes(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}

/** The two largest units, as in "2h 5m". */
export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 1) return `${Math.round(ms)}ms`
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(" ")
}

/** Control characters would act on the terminal: paths come from clients. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?")
}
