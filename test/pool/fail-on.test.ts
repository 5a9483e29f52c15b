import t from "tap"
import { FailOn } from "../../lib/pool/fail-on.js"
import { Pool } from "../../lib/pool/pool.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { thrownBy } from "../support/project/thrown.js"

const GOOD: { texts: string[]; judgesResponses: boolean; has: (string | number)[] }[] = [
  { texts: ["dial"], judgesResponses: false, has: ["dial"] },
  { texts: ["handshake"], judgesResponses: true, has: ["handshake"] },
  { texts: ["dial", "handshake"], judgesResponses: true, has: ["dial", "handshake"] },
  { texts: ["status:503"], judgesResponses: true, has: [503] },
  { texts: ["dial", "status:200", "status:599"], judgesResponses: true, has: ["dial", 200, 599] },
]

for (const { texts, judgesResponses, has } of GOOD) {
  t.test(`fail_on = ${JSON.stringify(texts)} counts these failures and no others`, async (t) => {
    const failOn = new FailOn(texts)
    const failures = ["dial", "handshake", "relay", "tunnel", 101, 200, 404, 503, 599] as const
    t.same(
      failures.filter((failure) => failOn.has(failure)),
      has,
    )
    t.equal(failOn.judgesResponses, judgesResponses)
  })
}

for (const text of [
  "",
  "Dial",
  "tunnel",
  "503",
  "status:",
  "status:101",
  "status:199",
  "status:600",
  "status:5xx",
]) {
  t.test(`${JSON.stringify(text)} is not a failure that fail_on can name`, async (t) => {
    t.match(
      thrownBy(() => new FailOn(["dial", text])),
      { constructor: SettingError, message: `"${text}" is not a failure` },
    )
    t.type(
      thrownBy(() => new Pool([], { fail_on: [text] })),
      SettingError,
    )
  })
}
