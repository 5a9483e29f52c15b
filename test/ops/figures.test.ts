import t from "tap"
import { formatBytes, formatDuration } from "../../lib/ops/figures.js"

const SIZES: [bytes: number, text: string][] = [
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [99_940, "99.9 kB"],
  [99_960, "100 kB"],
  [999_499, "999 kB"],
  [999_500, "1.0 MB"],
  [5e18, "5000 PB"],
  [Number.NaN, "–"],
]

for (const [bytes, text] of SIZES) {
  t.test(`${bytes} bytes are written as ${text}`, async (t) => t.equal(formatBytes(bytes), text))
}

const DURATIONS: [ms: number, text: string][] = [
  [-1, "0 ms"],
  [0, "0 ms"],
  [0.123, "0.123 ms"],
  [12.3456, "12.3 ms"],
  [999.4, "999 ms"],
  [999.6, "1.0 s"],
  [1000, "1.0 s"],
  [59_999, "59.9 s"],
  [60_000, "1 m 00 s"],
  [3_599_999, "59 m 59 s"],
  [3_600_000, "1 h 00 m"],
  [90_000_000, "1 d 01 h"],
  [Number.NaN, "–"],
]

for (const [ms, text] of DURATIONS) {
  t.test(`${ms} ms are written as ${text}`, async (t) => t.equal(formatDuration(ms), text))
}
