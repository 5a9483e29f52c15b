/** rws.config.toml at the top of the project: what `rws init` prints. With UPDATE=1 this test writes it. */
import { writeFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t from "tap"
import { forwardAuthSchema, verdictCacheSchema } from "../../lib/access/forward-auth-schema.js"
import { jwtSchema } from "../../lib/access/jwt-schema.js"
import { exampleConfig } from "../../lib/config/example.js"
import { LISTENER } from "../../lib/config/known-tables.js"
import { listenerSchema } from "../../lib/config/listener-schema.js"
import { loadConfig, parseConfig } from "../../lib/config/load.js"
import { configSchema } from "../../lib/config/schema.js"
import { tlsSchema } from "../../lib/net/tls-settings.js"
import { backendSchema } from "../../lib/pool/backend-settings.js"
import { HEALTH_CHECK_DEFAULTS, healthCheckSchema } from "../../lib/pool/health-check-settings.js"
import { poolSchema } from "../../lib/pool/pool-schema.js"
import { POOL_DEFAULTS } from "../../lib/pool/pool-settings.js"
import { registrySchema } from "../../lib/registry/registry-schema.js"
import { routeSchema } from "../../lib/routing/route-schema.js"
import { makeTestCa } from "../support/peers/test-ca.js"
import { temporaryFolder } from "../support/program/program.js"
import { projectPath, readProjectFile } from "../support/project/project.js"

const FILE = "rws.config.toml"
if (process.env.UPDATE) writeFileSync(projectPath(FILE), exampleConfig())
const text = readProjectFile(FILE)

t.test("the example configuration is rendered from the schema", async (t) => {
  t.equal(text, exampleConfig())
})

t.test("no line of the example configuration is longer than 110 columns", async (t) => {
  for (const line of text.split("\n")) t.ok(line.length <= 110, line)
})

t.test("the example configuration is valid", async (t) => {
  const { ws_proxy } = await loadConfig(projectPath(FILE))
  t.ok(ws_proxy.length > 0)
})

const { log: _log, admin: _admin, pool: _pool, ws_proxy: _listeners, ...withoutTables } = configSchema.shape

/** The tables of the schema, and the names that they have in a file. */
const tables: Readonly<Record<string, { readonly shape: object }>> = {
  "the program": { shape: withoutTables },
  log: configSchema.shape.log.unwrap(),
  admin: configSchema.shape.admin.unwrap(),
  "a listener": listenerSchema,
  "a route": routeSchema,
  "a pool": poolSchema,
  "a backend": backendSchema,
  "a health check": healthCheckSchema,
  tls: tlsSchema,
  jwt: jwtSchema.in,
  "forward auth": forwardAuthSchema,
  "the cache of forward auth": verdictCacheSchema,
  "a registry": registrySchema,
}

for (const [title, { shape }] of Object.entries(tables)) {
  for (const key of Object.keys(shape)) {
    t.test(`the example configuration shows the key ${key} of ${title} and explains it`, async (t) => {
      const explained = new RegExp(`^(# *)?${key} *= *.*(# .{5}|\\[ *# .{5})`, "m")
      const introduced = new RegExp(`^# .{5}.*\\n(# *)?${key} *=`, "m")
      const asTable = new RegExp(`^#?\\[+[a-z_.]*\\b${key}\\]+`, "m")
      const inTable = new RegExp(`[{,] ${key} = `)
      t.ok([explained, introduced, asTable, inTable].some((form) => form.test(text)))
    })
  }
}

t.test("the example configuration sets keys to their defaults", async (t) => {
  const { pool, ws_proxy } = await loadConfig(projectPath(FILE))
  t.equal(pool, undefined)
  t.equal(ws_proxy.length, 1)
  const written = new Map<string, unknown>(ws_proxy.flatMap((listener) => Object.entries(listener)))
  const withDefault = LISTENER.settings.filter(
    (setting) => setting.default !== undefined && written.has(setting.key),
  )
  t.ok(withDefault.length >= 10)
  for (const { key, default: standard } of withDefault) t.strictSame(written.get(key), standard, key)
})

t.test("the defaults that the example configuration names in words are the true ones", async (t) => {
  const pools = text.slice(text.indexOf("[pool.chat]"))
  const words = [...pools.matchAll(/\(default: "?([a-z0-9_/]+)"?\)\n#([a-z_]+) =/gm)]
  const defaults = new Map<string, unknown>(Object.entries({ ...HEALTH_CHECK_DEFAULTS, ...POOL_DEFAULTS }))
  const named = words.filter(([, , key = ""]) => defaults.has(key))
  t.ok(named.length >= 8, "they are found")
  for (const [, value, key = ""] of named) t.equal(value, String(defaults.get(key)), key)
})

t.test("the commented-out keys of the example configuration are valid", async (t) => {
  const ca = makeTestCa(t)
  const { certFile, keyFile } = ca.issue("DNS:rws.example")
  const passwordFile = join(await temporaryFolder(t), "password")
  await writeFile(passwordFile, "password")
  const settings = text
    .replace(/^#(?=\[|\]|[a-z_]+ = | {2}["{])/gm, "")
    .replace("/etc/rws/ca.pem", ca.certFile)
    .replace("/etc/rws/client.pem", certFile)
    .replace("/etc/rws/client.key", keyFile)
    .replace("/etc/rws/endpoints.toml", certFile)
    .replace("/etc/rws/redis-password", passwordFile)
  const { pool, ws_proxy } = await parseConfig(settings, FILE)
  t.strictSame(Object.keys(pool ?? {}), ["chat", "game"])
  t.equal(ws_proxy.length, 3)
  t.equal(ws_proxy[1]?.route?.length, 2)
})
