import t from "tap"
import { cellsOf, observe } from "../../lib/metrics/buckets.js"

const BUCKETS = [0.001, 0.5, 10]

const cases: readonly { readonly ms: number; readonly cell: number }[] = [
  { ms: 0, cell: 0 },
  { ms: 1, cell: 0 },
  { ms: 1.001, cell: 1 },
  { ms: 500, cell: 1 },
  { ms: 9999, cell: 2 },
  { ms: 10_000, cell: 2 },
  { ms: 10_001, cell: 3 },
  { ms: 1e9, cell: 3 },
]

for (const { ms, cell } of cases) {
  t.test(`${ms} ms are counted in cell ${cell}, and added to the sum`, async (t) => {
    const row = new Float64Array(cellsOf(BUCKETS) + 1)
    observe(row, 1, BUCKETS, ms)
    const expected = new Float64Array(row.length)
    expected[1 + cell] = 1
    expected[1 + BUCKETS.length + 1] = ms / 1000
    t.strictSame(row, expected)
  })
}
