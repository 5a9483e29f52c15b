/** The commented configuration that `rws init` prints, from the schema. */
import { inlinePoolShape } from "../pool/pool-schema.js"
import { registryKeys } from "../registry/registry-keys.js"
import { ruleKeys } from "../routing/route-schema.js"
import type { Setting } from "../settings/setting.js"
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
} from "./known-tables.js"
import { toToml } from "./to-toml.js"

const MAX_COLUMNS = 110

interface Section {
  /** Paragraphs above the header. */
  readonly intro?: readonly string[]
  /** Absent: the top level. */
  readonly header?: string
  readonly table: KnownTable
  /** Keys to show. */
  readonly keys: readonly string[]
  /** Keys that are not commented out though they have no default. Without a list, the whole section is. */
  readonly active?: readonly string[]
  /** Values that differ from the schema's examples. */
  readonly values?: Readonly<Record<string, unknown>>
}

const INTRO = `Configuration of rws with every key, as "rws init" prints it. Keys that are not commented out and have a default \
are set to it. Look at it with "rws check", run it with "rws". Durations are whole milliseconds.`

const inlinePoolKeys = Object.keys(inlinePoolShape).filter((key) => key !== "backends")
const keysOf = ({ keys }: KnownTable, ...without: readonly string[]) =>
  keys.filter((key) => !without.includes(key))

/**
 * What is commented out is valid, too, once it is not. So keys that exclude each other are in different
 * sections.
 */
const SECTIONS: readonly Section[] = [
  {
    intro: ["Keys of the program. They belong here, above the first table."],
    table: TOP,
    keys: keysOf(TOP, "log", "admin", "pool", "registry", "ws_proxy"),
    active: [],
    // Valid on every Node.js.
    values: { workers: 1 },
  },
  { header: "[log]", table: LOG, keys: keysOf(LOG), active: [] },
  {
    intro: [
      "Metrics and health of rws itself, for operators. Without bind there are none. The secret may stand here, too:",
      'token = "at least 16 characters" # in place of token_file',
    ],
    header: "[admin]",
    table: ADMIN,
    keys: keysOf(ADMIN, "token"),
    active: [],
  },
  {
    intro: ["One [[ws_proxy]] for each address to listen on. Each is independent of the others."],
    header: "[[ws_proxy]]",
    table: LISTENER,
    keys: keysOf(
      LISTENER,
      "bind_mode",
      "pool",
      "route",
      "jwt",
      "forward_auth",
      ...Object.keys(registryKeys),
      ...inlinePoolKeys,
    ),
    active: ["bind", "backends"],
  },
  {
    intro: [
      "Clients must send a signed token. In place of jwks_url:",
      'key_files = ["/etc/rws/issuer.pem"] # public keys, or:',
      'secret_file = "/etc/rws/jwt.secret" # for HS256, HS384 and HS512',
    ],
    header: "[ws_proxy.jwt]",
    table: JWT,
    keys: keysOf(JWT, "key_files", "secret_file"),
  },
  {
    intro: ["A service that is asked whether a client may connect."],
    header: "[ws_proxy.forward_auth]",
    table: FORWARD_AUTH,
    keys: keysOf(FORWARD_AUTH, "cache"),
  },
  {
    intro: ["For how long a 2xx of the service holds, for requests about which it would be told the same."],
    header: "[ws_proxy.forward_auth.cache]",
    table: VERDICT_CACHE,
    keys: keysOf(VERDICT_CACHE),
  },
  {
    intro: [
      `A second listener, with routes to named pools. Routes are tried in file order; the first whose conditions \
all match wins. Requests that match none go to the listener's own pool or backends, or get a 404.`,
    ],
    header: "[[ws_proxy]]",
    table: LISTENER,
    keys: ["name", "bind", "bind_mode", "pool"],
    values: { name: "gateway", bind: "unix:/run/rws/gateway.sock" },
  },
  {
    header: "[[ws_proxy.route]]",
    table: ROUTE,
    keys: keysOf(
      ROUTE,
      "header",
      "query",
      "rewrite",
      "backends",
      ...inlinePoolKeys,
      ...Object.keys(ruleKeys),
    ),
  },
  {
    intro: [`Each of ${Object.keys(ruleKeys).join(", ")} that is set on a route overrides the listener's.`],
    header: "[[ws_proxy.route]]",
    table: ROUTE,
    keys: ["path", "header", "query", "rewrite", "allowed_origins", "backends"],
    values: {
      path: "=/feed",
      allowed_origins: ["https://feed.example.com"],
      backends: ["unix:/run/feed/feed.sock"],
    },
  },
  {
    intro: ["A third listener, whose requests name their endpoint in a registry."],
    header: "[[ws_proxy]]",
    table: LISTENER,
    keys: ["name", "bind", ...Object.keys(registryKeys)],
    values: { name: "endpoints", bind: "127.0.0.1:8081" },
  },
  {
    intro: ["A registry: endpoints by their key, and where they may be."],
    header: "[registry.endpoints]",
    table: REGISTRY,
    keys: keysOf(REGISTRY, "url", "password_file", "prefix", "tls"),
  },
  {
    intro: ["Another one, in Redis."],
    header: "[registry.shared]",
    table: REGISTRY,
    keys: ["store", "url", "password_file", "prefix"],
    values: { store: "redis" },
  },
  {
    intro: ["TLS with its wss:// endpoints, with the same keys as [pool.chat.tls]."],
    header: "[registry.shared.tls]",
    table: TLS,
    keys: ["insecure_skip_verify"],
  },
  {
    intro: [
      "A pool: backends, how one of them is chosen, and when one is ejected. A backend's table has these keys:",
      ...BACKEND.settings.map((setting) => `- ${setting.key}: ${setting.description}${defaultOf(setting)}`),
    ],
    header: "[pool.chat]",
    table: POOL,
    keys: keysOf(POOL, "hash_key", "send_proxy_protocol", "sticky_attributes", "health_check", "tls"),
    values: {
      backends: [
        "wss://chat-1.example.com/socket",
        { address: "wss://chat-2.example.com/socket", weight: 2, max_connections: 5000 },
        { address: "wss://chat-3.example.com/socket", backup: true },
        { address: "wss://chat-4.example.com/socket", drain: true },
      ],
    },
  },
  {
    intro: ["Attributes of the sticky cookie, e.g. for pages of other sites."],
    header: "[pool.chat.sticky_attributes]",
    table: STICKY_ATTRIBUTES,
    keys: keysOf(STICKY_ATTRIBUTES),
  },
  {
    intro: ["Active checks of all backends, in parallel and from the start (default: none)."],
    header: "[pool.chat.health_check]",
    table: HEALTH_CHECK,
    keys: keysOf(HEALTH_CHECK),
  },
  { intro: ["TLS with wss:// backends."], header: "[pool.chat.tls]", table: TLS, keys: keysOf(TLS) },
  {
    header: "[pool.game]",
    table: POOL,
    keys: ["backends", "balance", "hash_key", "send_proxy_protocol"],
    values: { backends: ["10.0.0.1:7000", "10.0.0.2:7000", "10.0.0.3:7000"], balance: "hash" },
  },
]

export function exampleConfig(): string {
  const explained = new Set<string>()
  const sections = SECTIONS.map((section) => textOf(section, explained))
  return `${[comment(INTRO), ...sections].join("\n\n")}\n`
}

/** Explains each key where it is shown for the first time. */
function textOf(
  { intro = [], header, table, keys, active, values }: Section,
  explained: Set<string>,
): string {
  const parts = table.settings
    .filter(({ key }) => keys.includes(key))
    .map((setting) => {
      const { key, description, example } = setting
      const hasDefault = setting.default !== undefined
      const isActive = active !== undefined && (active.includes(key) || (hasDefault && example === undefined))
      const line = toToml(key, values?.[key] ?? example ?? setting.default, MAX_COLUMNS - 1)
      const text = isActive ? line : commentedOut(line)
      if (explained.has(description)) return text
      explained.add(description)
      return `\n${comment(description + (isActive ? "" : defaultOf(setting)))}\n${text}`
    })
  const lines = intro.map(comment)
  if (header === undefined) return [...lines, ...parts].join("\n")
  const head = [...lines, active === undefined ? commentedOut(header) : header].join("\n")
  return [head, ...parts].join("\n").replace(`${header}\n\n`, `${header}\n`)
}

function defaultOf({ default: standard, ifAbsent }: Setting): string {
  const absent = ifAbsent ?? (standard === undefined ? undefined : JSON.stringify(standard))
  return absent === undefined ? "" : ` (default: ${absent})`
}

/** Settings are commented out by "#" alone, and text begins with "# ". */
function commentedOut(lines: string): string {
  return lines.replace(/^/gm, "#")
}

/** Wraps a text, without its backticks, to lines that begin with "# ". */
function comment(text: string): string {
  const lines = [""]
  for (const word of text.replaceAll("`", "").split(" ")) {
    const line = `${lines.at(-1)} ${word}`
    if (line.length < MAX_COLUMNS) lines[lines.length - 1] = line
    else lines.push(` ${word}`)
  }
  return lines.map((line) => `#${line}`).join("\n")
}
