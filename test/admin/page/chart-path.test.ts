import t from "tap"
import { areaPath, linePath, roundUp } from "../../../lib/admin/page/client/chart-path.js"

for (const [value, rounded] of [
  [0, 1],
  [0.2, 1],
  [1, 1],
  [1.1, 2],
  [2, 2],
  [3, 5],
  [5, 5],
  [6, 10],
  [10, 10],
  [11, 20],
  [501, 1000],
  [1000, 1000],
  [Number.NaN, 1],
] as const) {
  t.test(`a scale for values up to ${value} ends at ${rounded}`, async (t) => {
    t.equal(roundUp(value), rounded)
  })
}

const scale = { width: 10, height: 20, max: 4 }
const { NaN: unknown } = Number

for (const { title, values, line, area } of [
  { title: "no values", values: [], line: "", area: "" },
  { title: "only unknown values", values: [unknown, unknown], line: "", area: "" },
  {
    title: "values up to the right edge",
    values: [0, 4, 1],
    line: "M8,20L9,0L10,15",
    area: "M8,20L8,20L9,0L10,15V20Z",
  },
  {
    title: "a gap where a value is unknown",
    values: [0, unknown, 4, 2],
    line: "M7,20M9,0L10,10",
    area: "M7,20L7,20V20ZM9,20L9,0L10,10V20Z",
  },
]) {
  t.test(`a chart draws ${title}`, async (t) => {
    t.equal(linePath(values, scale), line)
    t.equal(areaPath(values, scale), area)
  })
}
