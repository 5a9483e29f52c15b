/** Tables in plain text. */

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

/** Control characters would act on the terminal: paths come from clients. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "?")
}
