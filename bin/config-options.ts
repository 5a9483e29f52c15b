/** Reads the configuration from a file, or from flags, which are rendered from the schema. */
import { existsSync } from "node:fs"
import type { Options } from "yargs"
import { LISTENER, LOG } from "../lib/config/known-tables.js"
import { checkConfig, DEFAULT_CONFIG_FILE, loadConfig } from "../lib/config/load.js"
import { ConfigError } from "../lib/config/problem.js"
import { type Config, LOG_LEVELS } from "../lib/config/schema.js"
import { plainText, type Setting } from "../lib/settings/setting.js"

export const configOptions = {
  config: {
    alias: "c",
    type: "string",
    requiresArg: true,
    describe: `Configuration file (default: $RWS_CONFIG_FILE or ./${DEFAULT_CONFIG_FILE})`,
  },
} as const satisfies Record<string, Options>

/** The keys of a `[[ws_proxy]]` that have a flag. */
const FLAG_SETTINGS = LISTENER.settings.filter(({ flag }) => flag !== undefined)

/** The keys of a `[[ws_proxy]]` that can only be set in a file. */
export const FILE_KEYS: readonly string[] = LISTENER.settings
  .filter(({ flag }) => flag === undefined)
  .map(({ key }) => key)

/** The flags of a listener and of the log. */
export const listenerFlags: Readonly<Record<string, Options>> = {
  ...Object.fromEntries(FLAG_SETTINGS.map((setting) => [toFlag(setting.key), toOption(setting)])),
  ...Object.fromEntries(
    LOG.settings.map((setting) => [setting.flag, { ...toOption(setting), choices: LOG_LEVELS }]),
  ),
}

/** The flags of a configuration without their dashes. */
export const FLAGS: readonly string[] = Object.keys(listenerFlags)

/** The parsed command line. Absent options are undefined. */
export type ConfigArguments = Readonly<Record<string, unknown>> & {
  readonly config?: string | undefined
  /** The same as `config`, without its flag. */
  readonly file?: string | undefined
}

/**
 * Reads the configuration from the flags if there is one of a listener, else from the file.
 * @throws {ConfigError}
 */
export async function readConfig(given: ConfigArguments): Promise<Config> {
  const keys = FLAG_SETTINGS.filter(({ key }) => given[toFlag(key)] !== undefined)
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

/** Flags that may be given more than once: each names one member of a list. */
export const LIST_FLAGS: ReadonlySet<string> = new Set(
  FLAG_SETTINGS.filter(({ type }) => type === "list").map(({ key }) => toFlag(key)),
)

/** The flag of a key, without its dashes. */
export function toFlag(key: string): string {
  return FLAG_SETTINGS.find((setting) => setting.key === key)?.flag ?? key.replaceAll("_", "-")
}

function toOption({ description, default: standard, ifAbsent, type }: Setting): Options {
  const absent = standard === undefined || Array.isArray(standard) ? ifAbsent : String(standard)
  const note = absent === undefined || absent === "none" ? "" : ` (default: ${absent})`
  return {
    describe: plainText(description) + note,
    requiresArg: type !== "boolean",
    array: type === "list",
    ...(type === "boolean" ? { boolean: true } : { string: true }),
    // Parsed as a string, which yargs leaves unchanged; `number` is for the help.
    ...(type === "integer" && { number: true, coerce: toNumber }),
  }
}

/**
 * Digits only, as in a file: yargs's own conversion turns an empty text into 0. A list, from a repeated flag,
 * is refused later.
 */
function toNumber(text: unknown): unknown {
  if (typeof text !== "string") return text
  return /^-?\d+$/.test(text) ? Number(text) : Number.NaN
}

/** Replaces keys by their flags in errors. */
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
