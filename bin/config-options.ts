/** Where the configuration comes from: a file, or flags that are derived from the keys of the schema. */
import { existsSync } from "node:fs"
import type { Options } from "yargs"
import { z } from "zod"
import { checkConfig, DEFAULT_CONFIG_FILE, loadConfig } from "../lib/config/load.js"
import { ConfigError } from "../lib/config/problem.js"
import { type Config, LOG_LEVELS, listenerSchema } from "../lib/config/schema.js"
import { POOL_DEFAULTS } from "../lib/pool/pool-settings.js"

export const configOptions = {
  config: {
    alias: "c",
    type: "string",
    requiresArg: true,
    describe: `Configuration file (default: $RWS_CONFIG_FILE or ./${DEFAULT_CONFIG_FILE})`,
  },
} as const satisfies Record<string, Options>

/** A flag of a list names one member of it. */
const ONE_OF: Readonly<Record<string, string>> = {
  backends: "backend",
  trusted_proxies: "trusted-proxy",
  allowed_origins: "allowed-origin",
  subprotocols: "subprotocol",
}

const LISTENER_KEYS = listenerKeys()

/** The keys of a `[[ws_proxy]]` that are tables, or names of tables, and so can only be set in a file. */
export const FILE_KEYS: readonly string[] = Object.keys(listenerSchema.shape).filter(
  (name) => !LISTENER_KEYS.some(({ key }) => key === name),
)

/**
 * One flag for each key of a `[[ws_proxy]]` that is no table: `connect_timeout_ms` is `--connect-timeout-ms`, and what is a
 * list is given once for each of its members: `backends` is `--backend`.
 */
export const listenerFlags: Readonly<Record<string, Options>> = {
  ...Object.fromEntries(
    LISTENER_KEYS.map(({ key, ...option }) => [
      toFlag(key),
      { ...option, requiresArg: option.boolean !== true },
    ]),
  ),
  "log-level": {
    type: "string",
    choices: LOG_LEVELS,
    describe: "Lowest level that is logged (default: info)",
  },
}

/** The flags of a configuration without their dashes. */
export const FLAGS: readonly string[] = Object.keys(listenerFlags)

/** What was given on the command line. Absent options are undefined. */
export type ConfigArguments = Readonly<Record<string, unknown>> & {
  readonly config?: string | undefined
  /** The same as `config`, without its flag. */
  readonly file?: string | undefined
}

/**
 * Reads the configuration from the flags, if there is one of a listener, else from the file.
 * @throws {ConfigError}
 */
export async function readConfig(given: ConfigArguments): Promise<Config> {
  const keys = LISTENER_KEYS.filter(({ key }) => given[toFlag(key)] !== undefined)
  const { config, file = config } = given
  const named = given.file === undefined ? "--config" : `the file ${given.file}`
  const level = given["log-level"]
  if (keys.length === 0) {
    if (config !== undefined && given.file !== undefined) {
      throw new ConfigError("command line", [
        { path: ["--config"], message: `can't be combined with ${named}` },
      ])
    }
    if (file === undefined && !process.env.RWS_CONFIG_FILE && !existsSync(DEFAULT_CONFIG_FILE)) {
      const problems = ["there is no such file", ADVICE].map((message) => ({ path: [], message }))
      throw new ConfigError(DEFAULT_CONFIG_FILE, problems)
    }
    if (file === "") {
      throw new ConfigError("command line", [{ path: [named.trim()], message: "expected a file" }])
    }
    const loaded = await loadConfig(file)
    return level === undefined ? loaded : checkConfig({ ...loaded, log: { level } })
  }
  if (file !== undefined) {
    throw new ConfigError("command line", [
      { path: [named], message: `can't be combined with --${toFlag(keys[0]?.key ?? "")}` },
    ])
  }
  const listener = Object.fromEntries(keys.map(({ key }) => [key, given[toFlag(key)]]))
  return inFlags(() => checkConfig({ ...(level !== undefined && { log: { level } }), ws_proxy: [listener] }))
}

const ADVICE =
  "name one with --config, or run without: " +
  "rws --bind 127.0.0.1:8080 --backend 127.0.0.1:9000, or try: rws demo"

/** Flags that may be given more than once. */
export const LIST_FLAGS: ReadonlySet<string> = new Set(
  LISTENER_KEYS.filter(({ array }) => array).map(({ key }) => toFlag(key)),
)

/** The flag of a key, without its dashes. */
export function toFlag(key: string): string {
  return ONE_OF[key] ?? key.replaceAll("_", "-")
}

/** What only a file can hold: tables, and the names that they have there. */
function isInFilesOnly(key: string, type: unknown): boolean {
  return type === "object" || key === "route" || key === "pool"
}

function listenerKeys(): ({ key: string } & Options)[] {
  const { properties = {} } = z.toJSONSchema(listenerSchema, { io: "input", unrepresentable: "any" })
  const defaults = new Map<string, unknown>(Object.entries(POOL_DEFAULTS))
  return Object.entries(properties).flatMap(([key, property]) => {
    if (typeof property === "boolean") throw new Error(`the schema says nothing of ${key}`)
    const { description = "", default: standard = defaults.get(key), type } = property
    if (isInFilesOnly(key, type)) return []
    const hasDefault = standard !== undefined && !Array.isArray(standard)
    return {
      key,
      describe: hasDefault ? `${description} (default: ${standard})` : description,
      array: key in ONE_OF,
      ...(type === "boolean" ? { boolean: true } : { string: true }),
      // As a string it reaches us unchanged; that it is a number is what the help shows.
      ...(type === "integer" && { number: true, coerce: toNumber }),
    }
  })
}

/**
 * Digits only, as in a file; yargs's own conversion takes an empty text for 0. A list, from a flag given
 * twice, is refused later.
 */
function toNumber(text: unknown): unknown {
  if (typeof text !== "string") return text
  return /^-?\d+$/.test(text) ? Number(text) : Number.NaN
}

/** Says the flag where the schema says the key. */
function inFlags(check: () => Config): Config {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems = error.problems.map(({ path: [, , key], message }) => ({
      path: [`--${toFlag(String(key))}`],
      message,
    }))
    throw new ConfigError("command line", problems)
  }
}
