/** The README's tables of keys are rendered from the schema. With UPDATE=1 this test writes them. */
import { writeFileSync } from "node:fs"
import t from "tap"
import {
  ADMIN,
  BACKEND,
  FORWARD_AUTH,
  HEALTH_CHECK,
  JWT,
  type KnownTable,
  LISTENER,
  LOG,
  POOL,
  REGISTRY,
  ROUTE,
  STICKY_ATTRIBUTES,
  TLS,
  TOP,
  VERDICT_CACHE,
} from "../../lib/config/known-tables.js"
import { inlinePoolShape } from "../../lib/pool/pool-schema.js"
import { ruleKeys } from "../../lib/routing/route-schema.js"
import type { Setting } from "../../lib/settings/setting.js"
import { projectPath, readProjectFile } from "../support/project/project.js"

const inlinePoolKeys = Object.keys(inlinePoolShape).filter((key) => key !== "backends")

/**
 * By the name in the README's marker. A pool's keys and the rules stand in one table each, though they may be
 * set in several.
 */
const tables: Readonly<Record<string, { table: KnownTable; without?: readonly string[] }>> = {
  top: { table: TOP, without: ["log", "admin", "pool", "registry", "ws_proxy"] },
  ws_proxy: { table: LISTENER, without: inlinePoolKeys },
  route: { table: ROUTE, without: [...inlinePoolKeys, ...Object.keys(ruleKeys)] },
  pool: { table: POOL },
  backend: { table: BACKEND },
  sticky_attributes: { table: STICKY_ATTRIBUTES },
  health_check: { table: HEALTH_CHECK },
  tls: { table: TLS },
  jwt: { table: JWT },
  forward_auth: { table: FORWARD_AUTH },
  verdict_cache: { table: VERDICT_CACHE },
  registry: { table: REGISTRY },
  log: { table: LOG },
  admin: { table: ADMIN },
}

function render(name: string): string {
  const { table, without = [] } = tables[name] ?? { table: LOG }
  const rows = table.settings
    .filter(({ key }) => !without.includes(key))
    .map((setting) => `| \`${setting.key}\` | ${defaultOf(setting)} | ${setting.description} |`)
  return ["| key | default | meaning |", "|---|---|---|", ...rows].join("\n")
}

function defaultOf({ default: standard, ifAbsent, isRequired }: Setting): string {
  if (ifAbsent !== undefined) return ifAbsent
  return isRequired ? "required" : `\`${JSON.stringify(standard)}\``
}

const MARKED = /(?<=<!-- keys of (\w+), from the schema -->\n)[\s\S]*?(?=\n<!-- end of keys -->)/g

const readme = readProjectFile("README.md")
const rendered = readme.replace(MARKED, (_, name: string) => render(name))
if (process.env.UPDATE) writeFileSync(projectPath("README.md"), rendered)

t.test("every table of keys has its place in the README", async (t) => {
  const marked = [...readme.matchAll(MARKED)].map(([, name]) => name)
  t.strictSame(marked, Object.keys(tables))
})

t.test("the README's tables of keys are rendered from the schema", async (t) => {
  t.equal(readProjectFile("README.md"), rendered)
})

t.test("every key has a default, a word for its absence, or is required", async (t) => {
  for (const { table, without = [] } of Object.values(tables)) {
    for (const setting of table.settings.filter(({ key }) => !without.includes(key) || table !== TOP)) {
      t.ok(setting.isRequired || setting.ifAbsent !== undefined || setting.default !== undefined, setting.key)
      t.match(setting.description, /^[A-Z][^|\n]+[^.]$/, setting.key)
    }
  }
})
