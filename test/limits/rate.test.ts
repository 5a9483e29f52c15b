import t from "tap"
import { parseRate, type Rate } from "../../lib/limits/rate.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { thrownBy } from "../support/project/thrown.js"

const rates: ({ text: string } & Rate)[] = [
  { text: "1/s", count: 1, perMs: 1000 },
  { text: "20/s", count: 20, perMs: 1000 },
  { text: "100/m", count: 100, perMs: 60_000 },
  { text: "1000/h", count: 1000, perMs: 3_600_000 },
  { text: "1000000/s", count: 1_000_000, perMs: 1000 },
]

for (const { text, count, perMs } of rates) {
  t.test(`${text} is ${count} in ${perMs} ms`, async (t) => {
    t.same(parseRate(text), { count, perMs })
  })
}

const mistakes: { text: string; message: string }[] = [
  ...[
    "",
    "20",
    "/s",
    "20/",
    "0/s",
    "-1/s",
    "+1/s",
    "01/s",
    "1.5/s",
    "20/d",
    "20/S",
    "20 /s",
    "20/s ",
    "20/sec",
    "20/ms",
    "20/1s",
    "x/s",
    "10000000/s",
  ].map((text) => ({ text, message: 'is not a rate: expected e.g. "20/s", "100/m" or "1000/h"' })),
  { text: "1000001/s", message: "is too high: expected at most 1000000" },
]

for (const { text, message } of mistakes) {
  t.test(`${JSON.stringify(text)} ${message}`, async (t) => {
    const error = thrownBy(() => parseRate(text))
    t.type(error, SettingError)
    t.match(error, { message: `"${text}" ${message}` })
  })
}
