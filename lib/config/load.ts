/**
 * Loads, checks and parses a configuration: from a file, from TOML text, or from an object of the same shape.
 */
import { readFile, stat } from "node:fs/promises"
import { toTable } from "../settings/table.js"
import { crossCheck } from "./cross-checks.js"
import { decode } from "./decode.js"
import { hideTokens } from "./hidden-tokens.js"
import { ConfigError, listKnownKeys, toProblems } from "./problem.js"
import { checkRegistryFiles } from "./registry-files.js"
import { findReservedNames } from "./reserved-names.js"
import { type Config, configSchema, type Settings } from "./schema.js"
import { checkTlsFiles } from "./tls-files.js"
import { checkTokenFiles } from "./token-files.js"

/** The file that is read by default. */
export const DEFAULT_CONFIG_FILE = "rws.config.toml"

/**
 * Reads and checks a configuration file. Resolves to what is written in it; `createProxy` fills in the
 * defaults.
 * @param file its path. Default: `$RWS_CONFIG_FILE`, else `rws.config.toml` in the working directory
 * @throws {ConfigError} with every problem at once, each with its line, when the file can't be read or is not
 * valid
 */
export async function loadConfig(file = process.env.RWS_CONFIG_FILE || DEFAULT_CONFIG_FILE): Promise<Config> {
  return parseConfig(await readText(file), file)
}

/**
 * Checks a configuration given as TOML text, and returns it as it is written. `source` is its name in errors.
 * @throws {ConfigError}
 */
export async function parseConfig(toml: string, source: string): Promise<Config> {
  // Imported lazily, like the line finder: programs that pass an object never load them.
  const { parseToml, FIRST_CONFIGURATION } = await import("./parse-toml.js")
  const input = parseToml(toml, source)
  try {
    return checkConfig(input, source)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const { lineFinder } = await import("./line-of.js")
    const lineOf = lineFinder(toml)
    const located = error.problems.map((problem) => ({ ...problem, line: lineOf(problem.path) }))
    const isFirst = !Object.hasOwn(toTable(input), "ws_proxy")
    throw new ConfigError(
      source,
      located.sort((one, other) => (one.line ?? 0) - (other.line ?? 0)),
      isFirst ? [...error.hints, FIRST_CONFIGURATION] : error.hints,
    )
  }
}

/**
 * Checks a configuration given as an object, and returns it as it is.
 * @throws {ConfigError}
 */
export function checkConfig(input: unknown, source?: string): Config {
  toSettings(input, source)
  return input as Config
}

/**
 * Parses a configuration given as an object, and fills in the defaults. Reads the files with keys that it
 * names only to report what is wrong with them.
 * @throws {ConfigError}
 */
export function toSettings(input: unknown, source = "configuration"): Settings {
  const result = configSchema.safeParse(input, { reportInput: true })
  const faults = result.error ? toProblems(result.error) : []
  const problems = [
    ...faults,
    ...findReservedNames(input),
    ...crossCheck(input),
    ...checkTlsFiles(input),
    ...checkTokenFiles(input),
    ...checkRegistryFiles(input),
  ]
  if (result.success && problems.length === 0) return hideTokens(result.data)
  throw new ConfigError(source, problems, listKnownKeys(faults))
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file: a part of its path is not a folder",
  EISDIR: "it is a folder: expected a file",
  EACCES: "permission denied: the user that runs rws can't read it",
}

/** Each reload would wait for a pipe's next writer, and some devices have no end. */
const NOT_REGULAR = "expected a regular file: rws reads it again at each reload"

async function readText(file: string): Promise<string> {
  let bytes: Buffer | undefined
  try {
    const kind = await stat(file)
    if (kind.isFile() || kind.isDirectory()) bytes = await readFile(file)
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException
    throw new ConfigError(file, [{ path: [], message: READ_FAULTS[code] ?? `can't be read: ${message}` }])
  }
  if (bytes === undefined) throw new ConfigError(file, [{ path: [], message: NOT_REGULAR }])
  const text = decode(bytes)
  if (typeof text !== "string") throw new ConfigError(file, text)
  return text
}
