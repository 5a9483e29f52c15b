import t from "tap"
import { type BackendInput, toBackendSettings } from "../../lib/pool/backend-settings.js"
import { type PoolOptions, toPoolSettings } from "../../lib/pool/pool-settings.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { thrownBy } from "../support/project/thrown.js"

const DEFAULTS = { weight: 1, max_connections: 0, backup: false, drain: false }

const CASES: { given: BackendInput; means: object }[] = [
  { given: "a:1", means: { address: "a:1", ...DEFAULTS } },
  { given: { address: "a:1" }, means: { address: "a:1", ...DEFAULTS } },
  {
    given: { address: "a:1", weight: 0, drain: true },
    means: { address: "a:1", ...DEFAULTS, weight: 0, drain: true },
  },
  { given: { address: "a:1", weight: 1000 }, means: { address: "a:1", ...DEFAULTS, weight: 1000 } },
  {
    given: { address: "a:1", weight: undefined, max_connections: undefined, backup: undefined },
    means: { address: "a:1", ...DEFAULTS },
  },
  {
    given: { address: "a:1", max_connections: 7, backup: true },
    means: { address: "a:1", weight: 1, max_connections: 7, backup: true, drain: false },
  },
]

for (const { given, means } of CASES) {
  t.test(`${JSON.stringify(given)} gets defaults for the keys that it leaves out`, async (t) => {
    t.same(toBackendSettings(given), means)
  })
}

const WRONG: { settings: object; message: string }[] = [
  ...[-1, 1.5, 1001, Number.NaN, Number.POSITIVE_INFINITY].map((weight) => ({
    settings: { weight },
    message: `"a:1" has weight ${weight}: expected a whole number from 0 to 1000`,
  })),
  ...[-1, 0.5, Number.NaN].map((max_connections) => ({
    settings: { max_connections },
    message: `"a:1" has max_connections ${max_connections}: expected 0 (unlimited) or a positive whole number`,
  })),
]

for (const { settings, message } of WRONG) {
  t.test(
    `it is refused that ${message.replace(/:.*expected/, ", and the message says: expected")}`,
    async (t) => {
      const error = thrownBy(() => toBackendSettings({ address: "a:1", ...settings }))
      t.type(error, SettingError)
      t.equal(error instanceof Error && error.message, message)
    },
  )
}

const POOL = { balance: "round_robin", max_tries: 0, max_fails: 3, fail_timeout_ms: 10_000 }

const POOLS: { given: PoolOptions; means: object }[] = [
  { given: {}, means: POOL },
  { given: { balance: undefined, max_tries: undefined, max_fails: undefined }, means: POOL },
  { given: { max_tries: 2, max_fails: 0 }, means: { ...POOL, max_tries: 2, max_fails: 0 } },
  {
    given: { balance: "random", fail_timeout_ms: 1 },
    means: { ...POOL, balance: "random", fail_timeout_ms: 1 },
  },
  {
    given: { hash_key: "path", sticky_cookie: "a" },
    means: { ...POOL, hash_key: "path", sticky_cookie: "a" },
  },
]

for (const { given, means } of POOLS) {
  t.test(`a pool with the settings ${JSON.stringify(given)} gets the defaults of the others`, async (t) => {
    t.match(toPoolSettings(given), means)
  })
}
