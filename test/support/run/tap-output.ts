/** Parses the output of a test file: TAP 14, with subtests indented by four columns. */

export interface Failure {
  /** The titles of the enclosing tests, outermost first, and of the assertion itself. */
  readonly titles: readonly string[]
  /** tap's YAML block: expected and actual values, and the location. */
  readonly diagnostics: string
}

export interface Totals {
  readonly total: number
  readonly fail: number
  readonly skip: number
}

export interface TapReport {
  /** The failed assertions. A failed subtest is listed only if none of its assertions failed. */
  readonly failures: readonly Failure[]
  /** The counts that tap prints last; undefined if the process ended before. */
  readonly totals: Totals | undefined
}

export function readTap(tap: string): TapReport {
  const lines = tap.split("\n")
  const failures: Failure[] = []
  let totals: Totals | undefined
  const open: { readonly title: string; readonly failuresBefore: number }[] = []
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ""
    totals ??= totalsIn(line)
    const depth = (/^ */.exec(line)?.[0].length ?? 0) / 4
    const subtest = /^ *# Subtest: (.*)$/.exec(line)?.[1]
    if (subtest !== undefined) {
      open.length = depth
      open.push({ title: subtest, failuresBefore: failures.length })
      continue
    }
    const [, not, title = ""] = /^ *(not )?ok \d+(?: - (.*))?$/.exec(line) ?? []
    const diagnostics = not === undefined ? [] : yamlBlockAfter(lines, index)
    if (not !== undefined && !/ # (TODO|SKIP)\b/i.test(title)) {
      const closed = open[depth]
      if (closed === undefined || closed.failuresBefore === failures.length) {
        const around = open.slice(0, depth).map(({ title }) => title)
        failures.push({ titles: [...around, title], diagnostics: diagnostics.join("\n") })
      }
    }
    if (/^ *(not )?ok /.test(line)) open.length = Math.min(open.length, depth)
    index += diagnostics.length
  }
  return { failures, totals }
}

function yamlBlockAfter(lines: readonly string[], index: number): string[] {
  if (lines[index + 1]?.trim() !== "---") return []
  const indent = lines[index + 1]?.indexOf("-") ?? 0
  const end = lines.indexOf(`${" ".repeat(indent)}...`, index)
  return end < 0 ? [] : lines.slice(index + 1, end + 1)
}

function totalsIn(line: string): Totals | undefined {
  const counts = /^# \{ (total: .*) \}$/.exec(line)?.[1]
  if (counts === undefined) return undefined
  const count = (key: string) => Number(new RegExp(`\\b${key}: (\\d+)`).exec(counts)?.[1] ?? 0)
  return { total: count("total"), fail: count("fail"), skip: count("skip") }
}
