/** Reads the configuration from a file, or from flags, which are rendered from the schema. */
import { existsSync } from "node:fs"
import type { Options } from "yargs"
import { ADMIN, LISTENER, LOG, TOP } from "../lib/config/known-tables.js"
import { DEFAULT_CONFIG_FILE, loadConfig, toSettings } from "../lib/config/load.js"
import { ConfigError, type ConfigProblem } from "../lib/config/problem.js"
import { type Config, LOG_FORMATS, LOG_LEVELS, type Settings } from "../lib/config/schema.js"
import { plainText, type Setting } from "../lib/settings/setting.js"
import type { Table } from "../lib/settings/table.js"

export const configOptions: Readonly<Record<string, Options>> = {
  config: {
    alias: "c",
    type: "string",
    requiresArg: true,
    describe: `Configuration file (default: $RWS_CONFIG_FILE or ./${DEFAULT_CONFIG_FILE})`,
  },
}

/** The keys of the top level that have a flag. */
const TOP_SETTINGS = TOP.settings.filter(({ flag }) => flag !== undefined)

/** The keys of a `[[ws_proxy]]` that have a flag. */
const FLAG_SETTINGS = LISTENER.settings.filter(({ flag }) => flag !== undefined)

/** The keys of a `[[ws_proxy]]` that can only be set in a file. */
export const FILE_KEYS: readonly string[] = LISTENER.settings
  .filter(({ flag }) => flag === undefined)
  .map(({ key }) => key)

/** The flags of a listener. */
export const listenerFlags: Readonly<Record<string, Options>> = Object.fromEntries(
  FLAG_SETTINGS.map((setting) => [toFlag(setting.key), toOption(setting)]),
)

/** The keys of `[log]` that have a flag. */
const LOG_SETTINGS = LOG.settings.filter(({ flag }) => flag !== undefined)

/** The keys of `[admin]` that have a flag. */
const ADMIN_SETTINGS = ADMIN.settings.filter(({ flag }) => flag !== undefined)

/** Words that yargs lists in the help and checks. */
const CHOICES: Readonly<Record<string, readonly string[]>> = { level: LOG_LEVELS, format: LOG_FORMATS }

/** The flags of the program, its log and its admin server. They override the file. */
export const programFlags: Readonly<Record<string, Options>> = Object.fromEntries(
  [...TOP_SETTINGS, ...LOG_SETTINGS, ...ADMIN_SETTINGS].map((setting) => {
    const choices = CHOICES[setting.key]
    return [setting.flag, { ...toOption(setting), ...(choices !== undefined && { choices }) }]
  }),
)

/** The flags of a configuration without their dashes. */
export const FLAGS: readonly string[] = [...Object.keys(listenerFlags), ...Object.keys(programFlags)]

/** The parsed command line. Absent options are undefined. */
export type ConfigArguments = Readonly<Record<string, unknown>> & {
  readonly config?: string | undefined
  /** The same as `config`, without its flag. */
  readonly file?: string | undefined
}

/**
 * The file with the configuration; undefined if the flags are the configuration.
 * @throws {ConfigError} when there is no file, or both a file and flags of a listener
 */
export function configFileOf(given: ConfigArguments): string | undefined {
  const [flag] = FLAG_SETTINGS.filter(({ key }) => given[toFlag(key)] !== undefined)
  const { config, file = config } = given
  const named = given.file === undefined ? "--config" : `the file ${given.file}`
  if (flag === undefined) {
    if (config !== undefined && given.file !== undefined)
      throw refusal("--config", `can't be combined with ${named}`)
    if (file === "") throw refusal(named.trim(), "expected a file")
    if (file !== undefined) return file
    const usual = process.env.RWS_CONFIG_FILE || DEFAULT_CONFIG_FILE
    if (process.env.RWS_CONFIG_FILE || existsSync(DEFAULT_CONFIG_FILE)) return usual
    const problems = ["there is no such file", ADVICE].map((message) => ({ path: [], message }))
    throw new ConfigError(DEFAULT_CONFIG_FILE, problems)
  }
  if (file !== undefined) throw refusal(named, `can't be combined with --${toFlag(flag.key)}`)
  return undefined
}

function refusal(flag: string, message: string): ConfigError {
  return new ConfigError("command line", [{ path: [flag], message }])
}

/** A configuration as it is written, and parsed. */
export interface ReadConfig {
  readonly config: Config
  readonly settings: Settings
}

/**
 * Reads the configuration from the flags if there is one of a listener, else from the file.
 * @throws {ConfigError}
 */
export async function readConfig(given: ConfigArguments): Promise<ReadConfig> {
  const file = configFileOf(given)
  const { log, admin, ...config } =
    file === undefined ? { ws_proxy: [valuesIn(given, FLAG_SETTINGS)] } : await loadConfig(file)
  const input: Table = {
    ...config,
    ...valuesIn(given, TOP_SETTINGS),
    log: { ...log, ...valuesIn(given, LOG_SETTINGS) },
    admin: { ...admin, ...valuesIn(given, ADMIN_SETTINGS) },
  }
  const settings = inFlags(() => toSettings(input))
  return { config: input as Config, settings }
}

/** The values of these keys that were given as flags. */
function valuesIn(given: ConfigArguments, settings: readonly Setting[]): Table {
  const entries = settings.map(({ key, flag = "" }) => [key, given[flag]])
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
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
  return /^-?\d+$/.test(text) ? Number(text) : text
}

/** Replaces keys by their flags in errors. */
function inFlags<Outcome>(check: () => Outcome): Outcome {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems = error.problems.map(({ path, message }) => ({ path: [`--${flagAt(path)}`], message }))
    throw new ConfigError("command line", problems)
  }
}

/** The flag of a key at this path. */
function flagAt([first, second = "", key]: ConfigProblem["path"]): string {
  if (first === "ws_proxy") return toFlag(String(key))
  const isTable = first === "log" || first === "admin"
  return isTable ? `${first}-${String(second).replaceAll("_", "-")}` : toFlag(String(first))
}
