import t from "tap"
import {
  formatByteRate,
  formatCount,
  formatMoment,
  formatRate,
  formatShare,
  formatUse,
} from "../../../lib/admin/page/client/format.js"
import { Rate } from "../../../lib/admin/page/client/rates.js"

const cases: readonly [name: string, format: (value: number) => string, value: number, text: string][] = [
  ["count", formatCount, 0, "0"],
  ["count", formatCount, 1_234_567, "1,234,567"],
  ["count", formatCount, Number.NaN, "–"],
  ["rate", formatRate, 0, "0.0"],
  ["rate", formatRate, 0.25, "0.3"],
  ["rate", formatRate, 12.7, "13"],
  ["rate", formatRate, Number.NaN, "–"],
  ["byte rate", formatByteRate, 1500, "1.5 kB/s"],
  ["byte rate", formatByteRate, Number.NaN, "–"],
  ["share", formatShare, 0.125, "13 %"],
  ["share", formatShare, 1, "100 %"],
  ["use without a limit", (used) => formatUse(used, 0), 1200, "1,200"],
  ["use of a limit", (used) => formatUse(used, 5000), 1200, "1,200 / 5,000"],
]

for (const [name, format, value, text] of cases) {
  t.test(`the ${name} ${value} is written ${text}`, async (t) => {
    t.equal(format(value), text)
  })
}

t.test("a rate is the growth per second since the previous reading", async (t) => {
  const rate = new Rate()
  t.same(rate.read(100, 0), Number.NaN, "nothing to compare with")
  t.equal(rate.read(110, 2000), 5)
  t.equal(rate.read(110, 3000), 0)
  t.same(rate.read(3, 4000), Number.NaN, "another process counts from 0")
  t.equal(rate.read(4, 5000), 1)
  rate.forget()
  t.same(rate.read(1000, 65_000), Number.NaN, "the growth of a pause says nothing about the present")
})

t.test("a rate over a window is steady though its counter grows in steps", async (t) => {
  const rate = new Rate(4000)
  const rates = Array.from({ length: 9 }, (_, second) => rate.read(second - (second % 2), second * 1000))
  t.same(rates, [Number.NaN, Number.NaN, Number.NaN, Number.NaN, 1, 1, 1, 1, 1])
  t.same(rate.read(0, 9000), Number.NaN, "another process counts from 0")
})

t.test("a moment has its date unless it is today", async (t) => {
  const iso = new Date(2026, 0, 2, 3, 4, 5).toISOString()
  t.equal(formatMoment(iso, new Date(2026, 0, 2, 23)), "03:04:05")
  t.equal(formatMoment(iso, new Date(2026, 0, 3, 0)), "2026-01-02 03:04:05")
})
