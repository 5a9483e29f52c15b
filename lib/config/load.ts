/** From a file, or an object of the same shape, to a configuration in which everything has been checked. */
import { readFile } from "node:fs/promises"
import { findConflicts } from "./conflicts.js"
import { ConfigError, toProblems } from "./problem.js"
import { type Config, configSchema } from "./schema.js"
import { findTwins } from "./twins.js"

/** The file that is read when nobody names one. */
export const DEFAULT_CONFIG_FILE = "rws.config.toml"

/**
 * Reads and checks a configuration file.
 * @param file its path. Default: `$RWS_CONFIG_FILE`, else `rws.config.toml` in the working directory
 * @throws {ConfigError} with every problem at once, each with its line, when the file can't be read or is not valid
 */
export async function loadConfig(file = process.env.RWS_CONFIG_FILE || DEFAULT_CONFIG_FILE): Promise<Config> {
  return parseConfig(await readText(file), file)
}

/**
 * Checks a configuration that is given as TOML text; `source` is what its errors call it.
 * @throws {ConfigError}
 */
export async function parseConfig(toml: string, source: string): Promise<Config> {
  // Loaded here, as the line finder is: a program that brings its configuration as an object needs neither in memory.
  const { parse, TomlError } = await import("smol-toml")
  try {
    return checkConfig(parse(toml), source)
  } catch (error) {
    if (error instanceof TomlError) {
      const message = `not valid TOML: ${error.message.replace(/^Invalid TOML document: /, "").trimEnd()}`
      throw new ConfigError(source, [{ path: [], message, line: error.line }])
    }
    if (error instanceof ConfigError) {
      const { lineOf } = await import("./line-of.js")
      const located = error.problems.map((problem) => ({ ...problem, line: lineOf(toml, problem.path) }))
      throw new ConfigError(
        source,
        located.sort((one, other) => one.line - other.line),
      )
    }
    throw error
  }
}

/**
 * Checks a configuration that is given as an object, and fills in the defaults.
 * @throws {ConfigError}
 */
export function checkConfig(input: unknown, source = "configuration"): Config {
  const result = configSchema.safeParse(input, { reportInput: true })
  const faults = result.error ? toProblems(result.error) : []
  const problems = [...faults, ...findTwins(input), ...findConflicts(input)]
  if (result.success && problems.length === 0) return result.data
  throw new ConfigError(source, problems)
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8")
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new ConfigError(file, [
      { path: [], message: code === "ENOENT" ? "there is no such file" : message },
    ])
  }
}
