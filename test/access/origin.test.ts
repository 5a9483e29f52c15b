import t from "tap"
import { type OriginRules, parseOriginPattern, toOriginCheck } from "../../lib/access/origin.js"
import { SessionEnd } from "../../lib/close-reason.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { requested } from "../support/http/requested.js"
import { thrownBy } from "../support/project/thrown.js"

const matching: { pattern: string; origins: string[]; others: string[] }[] = [
  {
    pattern: "https://app.example.com",
    origins: ["https://app.example.com", "HTTPS://App.Example.COM", "https://app.example.com:443"],
    others: [
      "http://app.example.com",
      "https://app.example.com:8443",
      "https://app.example.com:80",
      "https://app.example.com/",
      "https://app.example.com/x",
      "https://app.example.com?x",
      "https://app.example.com#x",
      "https://app.example.com.evil.example",
      "https://evil.example/app.example.com",
      "https://evil.example/https://app.example.com",
      "https://evil.example#https://app.example.com",
      "https://user@app.example.com",
      "https://app.example.com@evil.example",
      "https://app.example.com\\@evil.example",
      "https://xapp.example.com",
      "https://a.app.example.com",
      "https://appxexample.com",
      "https:app.example.com",
      "https:/app.example.com",
      "https:///app.example.com",
      "//app.example.com",
      "app.example.com",
      "https://app.example.com https://evil.example",
      "https://app.example.com, https://evil.example",
      "https://app.example.com:",
      "https://app.example.com:443x",
      "https://app.example.com:99999",
      "https://",
      "null",
      "*",
      "\xe9",
    ],
  },
  {
    pattern: "https://*.example.com",
    origins: ["https://a.example.com", "https://a.B.example.com", "https://a.example.com:443"],
    others: [
      "https://example.com",
      "https://.example.com",
      "https://evilexample.com",
      "https://a.example.com.evil.example",
      "https://a.example.com:1",
      "http://a.example.com",
      "https://evil.example/.example.com",
      "https://evil.example?.example.com",
      "https://evil.example\\.example.com",
      "https://evil.example#.example.com",
      "https://evil@a.example.com",
    ],
  },
  {
    pattern: "https://*.example.com:8443",
    origins: ["https://a.example.com:8443", "https://a.example.com:08443"],
    others: ["https://a.example.com", "https://example.com:8443"],
  },
  { pattern: "https://a.example:443", origins: ["https://a.example"], others: ["http://a.example:443"] },
  { pattern: "http://a.example:80", origins: ["http://a.example"], others: ["http://a.example:443"] },
  {
    pattern: "http://a.example:443",
    origins: ["http://a.example:443"],
    others: ["https://a.example", "http://a.example"],
  },
  { pattern: "http://localhost:3000", origins: ["http://localhost:3000"], others: ["http://localhost"] },
  {
    pattern: "http://[::1]:3000",
    origins: ["http://[::1]:3000", "http://[0::1]:3000"],
    others: ["http://[::2]:3000"],
  },
  {
    pattern: "chrome-extension://abcdefghijklmnop",
    origins: ["chrome-extension://abcdefghijklmnop"],
    others: ["chrome-extension://abcdefghijklmnop:1", "https://abcdefghijklmnop"],
  },
  { pattern: "null", origins: ["null"], others: ["https://null", "undefined", "nulls"] },
]

for (const { pattern, origins, others } of matching) {
  const isMeant = parseOriginPattern(pattern)
  for (const origin of origins) {
    t.test(`${pattern} matches the origin ${origin}`, async (t) => {
      t.equal(isMeant(origin), true)
    })
  }
  for (const origin of others) {
    t.test(`${pattern} does not match the origin ${origin}`, async (t) => {
      t.equal(isMeant(origin), false)
    })
  }
}

for (const text of [
  "",
  "*",
  "app.example.com",
  "*.example.com",
  "//app.example.com",
  "https://",
  "https:///",
  "https://app.example.com/",
  "https://app.example.com/path",
  "https://app.example.com:",
  "https://app.example.com:x",
  "https://app.example.com:65536",
  "https://user@app.example.com",
  "https://a b",
  "https://app.example.com\r\nX: y",
  "://app.example.com",
  "1https://app.example.com",
]) {
  t.test(
    `${JSON.stringify(text)} is refused as an origin, and the error says what is expected`,
    async (t) => {
      const error = thrownBy(() => parseOriginPattern(text))
      t.type(error, SettingError)
      t.match(error, { message: `"${text}" is not an origin: expected scheme://host[:port]` })
    },
  )
}

for (const text of [
  "https://*",
  "https://*.",
  "https://a.*.example",
  "https://*.*.example",
  "https://*.[::1]",
  "https://%61.example",
]) {
  t.test(`the host in ${text} is refused`, async (t) => {
    t.type(
      thrownBy(() => parseOriginPattern(text)),
      SettingError,
    )
  })
}

const APP = "https://app.example.com"
const OTHER = "https://other.example"
const NO_RULES: OriginRules = { allowed_origins: [], require_origin: false }
const ONLY_APP: OriginRules = {
  allowed_origins: [APP, "https://*.app.example.com"].map(parseOriginPattern),
  require_origin: false,
}
const APP_REQUIRED: OriginRules = { ...ONLY_APP, require_origin: true }
const ANY_REQUIRED: OriginRules = { allowed_origins: [], require_origin: true }

const cases: { title: string; rules: OriginRules; origin: string | string[] | undefined; detail?: string }[] =
  [
    { title: "any origin without rules", rules: NO_RULES, origin: OTHER },
    { title: "an invalid origin without rules", rules: NO_RULES, origin: "what?" },
    { title: "no origin without rules", rules: NO_RULES, origin: undefined },
    { title: "a request with two origins without rules", rules: NO_RULES, origin: [APP, OTHER] },
    { title: "an allowed origin", rules: ONLY_APP, origin: APP },
    {
      title: "an origin that the second pattern allows",
      rules: ONLY_APP,
      origin: "https://a.app.example.com",
    },
    { title: "no origin if some are allowed", rules: ONLY_APP, origin: undefined },
    { title: "an allowed origin if one is required", rules: APP_REQUIRED, origin: APP },
    { title: "any origin if one is required", rules: ANY_REQUIRED, origin: OTHER },
    { title: "the origin null if any is required", rules: ANY_REQUIRED, origin: "null" },
    {
      title: "another origin",
      rules: ONLY_APP,
      origin: OTHER,
      detail: "not in allowed_origins",
    },
    {
      title: "the origin null",
      rules: ONLY_APP,
      origin: "null",
      detail: "not in allowed_origins",
    },
    {
      title: "an allowed and another origin",
      rules: ONLY_APP,
      origin: [APP, OTHER],
      detail: "more than one",
    },
    {
      title: "an allowed origin twice",
      rules: ONLY_APP,
      origin: [APP, APP],
      detail: "more than one",
    },
    {
      title: "an empty and another origin",
      rules: ONLY_APP,
      origin: ["", OTHER],
      detail: "more than one",
    },
    {
      title: "a list of origins",
      rules: ONLY_APP,
      origin: `${APP} ${APP}`,
      detail: "not in allowed_origins",
    },
    {
      title: "another origin if one is required",
      rules: APP_REQUIRED,
      origin: OTHER,
      detail: "not in allowed_origins",
    },
    {
      title: "no origin if one is required",
      rules: APP_REQUIRED,
      origin: undefined,
      detail: "missing",
    },
    {
      title: "no origin if any is required",
      rules: ANY_REQUIRED,
      origin: undefined,
      detail: "missing",
    },
    {
      title: "an empty origin if any is required",
      rules: ANY_REQUIRED,
      origin: "",
      detail: "missing",
    },
    {
      title: "two origins if any is required",
      rules: ANY_REQUIRED,
      origin: [APP, OTHER],
      detail: "more than one",
    },
  ]

for (const { title, rules, origin, detail } of cases) {
  t.test(`${title} may ${detail === undefined ? "" : "not "}connect`, async (t) => {
    const check = toOriginCheck(rules)
    const error = thrownBy(() => check(requested("/", { Origin: origin }).fields))
    if (detail === undefined) t.equal(error, undefined)
    else {
      t.type(error, SessionEnd)
      t.match(error, { reason: "bad_origin", detail })
    }
  })
}
