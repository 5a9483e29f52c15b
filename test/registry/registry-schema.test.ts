import t from "tap"
import { crossCheckRegistry, registrySchema } from "../../lib/registry/registry-schema.js"

t.test("a registry needs a store, and has defaults for the rest", async (t) => {
  t.match(registrySchema.parse({ store: "file", file: "endpoints.toml" }), {
    prefix: "rws:endpoint:",
    ttl_ms: 10_000,
    negative_ttl_ms: 1000,
    stale_ms: 0,
    timeout_ms: 2000,
    max_entries: 10_000,
    allow_destinations: [],
  })
  t.equal(registrySchema.safeParse({}).success, false)
  t.equal(registrySchema.safeParse({ store: "sql" }).success, false)
  const faulty = registrySchema.safeParse({ store: "file", allow_destinations: ["a.example", "10.0.0.0/33"] })
  t.match(faulty.error?.issues, [{ path: ["allow_destinations", 1], message: /invalid prefix length/ }])
})

type Keys = Parameters<typeof crossCheckRegistry>[0]

const CASES: readonly (readonly [keys: Keys, fault?: readonly [key: string, message: RegExp]])[] = [
  [{ store: "file", file: "a.toml" }],
  [{ store: "file" }, ["file", /^required/]],
  [{ store: "file", file: "a.toml", url: "redis://a" }, ["url", /no effect/]],
  [{ store: "file", file: "a.toml", password_file: "a" }, ["password_file", /no effect/]],
  [{ store: "redis", url: "redis://127.0.0.1:6379" }],
  [{ store: "redis", url: "rediss://user@redis.example/3", password_file: "a" }],
  [{ store: "redis" }, ["url", /^required/]],
  [{ store: "redis", url: "redis://a", file: "a.toml" }, ["file", /no effect/]],
  [{ store: "redis", url: "redis://:secret@a" }, ["url", /password_file/]],
  [{ store: "redis", url: "redis://a/x" }, ["url", /without query/]],
  [{ store: "redis", url: "redis://a?family=6" }, ["url", /without query/]],
  [{ store: "redis", url: "http://a/{key}" }, ["url", /expected redis:/]],
  [{ store: "redis", url: "secret" }, ["url", /not a URL/]],
  [{ store: "http", url: "http://a.example/endpoints/{key}" }],
  [{ store: "http", url: "https://a.example:8443/endpoints?id={key}&v=1", password_file: "a" }],
  [{ store: "http", url: "http://a.example/endpoints/" }, ["url", /\{key\} once/]],
  [{ store: "http", url: "http://a.example/{key}/{key}" }, ["url", /\{key\} once/]],
  [{ store: "http", url: "http://{key}.example/" }, ["url", /not a URL|\{key\} once/]],
  [{ store: "http", url: "http://user:secret@a.example/{key}" }, ["url", /can't contain a user/]],
  [{ store: "http", url: "http://a.example/#{key}" }, ["url", /fragment/]],
  [{ store: "http", url: "redis://a/{key}" }, ["url", /expected http:/]],
]

for (const [keys, fault] of CASES) {
  t.test(`${JSON.stringify(keys)} is ${fault === undefined ? "valid" : "not valid"}`, async (t) => {
    const faults = crossCheckRegistry(keys)
    t.match(faults, fault === undefined ? [] : [fault])
    t.equal(faults.length, fault === undefined ? 0 : 1)
    t.notMatch(JSON.stringify(faults), /secret/)
  })
}
