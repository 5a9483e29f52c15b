/** Accepts keys as flags, and suggests a flag for an unknown one. */
import { closest, distance } from "fastest-levenshtein"
import { tableAt } from "../lib/config/known-tables.js"
import { suggestKey } from "../lib/config/suggest-key.js"
import { FILE_KEYS, FLAGS, toFlag } from "./config-options.js"
import { UsageError } from "./usage-error.js"

/** Flags of the program itself and of single commands. */
const OTHER_FLAGS = ["config", "bind", "raw", "replace", "pid", "socket", "timeout-ms", "help", "version"]
/** Those of `rws ctl` and `rws top`, some of which are keys that only a file can set. */
const ADMIN_FLAGS = [
  ...["admin", "token-file", "json", "listener", "pool", "backend", "client", "stage", "sort", "limit"],
  ...["offset", "weight", "interval-ms", "count"],
]
/** Flags of commands that take no keys of the configuration as flags, or others of the same name. */
const OWN_FLAGS: Readonly<Record<string, readonly string[]>> = {
  ctl: ADMIN_FLAGS,
  top: ADMIN_FLAGS,
  endpoints: ["registry", "json", "field", "allowed-origin", "max-connections"],
  interceptor: ["module", "proxy", "endpoint-id", "match", "parameter"],
}
const LISTENER = tableAt(["ws_proxy", 0])

/**
 * Replaces keys by their flags: `--backends` by `--backend`, `--idle_timeout_ms` by `--idle-timeout-ms`.
 * @throws {UsageError} for a flag that no command has
 */
export function toKnownFlags(args: readonly string[]): string[] {
  const end = args.indexOf("--")
  const ownFlags = new Map(Object.entries(OWN_FLAGS)).get(args[0] ?? "") ?? []
  return args.map((arg, index) => {
    const [, no = "", name, value = ""] = /^--(no-)?([^=]+)(=.*)?$/s.exec(arg) ?? []
    if (name === undefined || (end >= 0 && index > end)) return arg
    return ownFlags.includes(name) ? arg : `--${no}${toKnownFlag(name)}${value}`
  })
}

function toKnownFlag(name: string): string {
  const flag = toFlag(name.replaceAll("-", "_"))
  if (FLAGS.includes(flag) || OTHER_FLAGS.includes(flag)) return flag
  throw new UsageError(describeUnknownFlag(name))
}

function describeUnknownFlag(name: string): string {
  // A key of a table may follow its name, as in --tls.ca.
  const [first = name] = name.replaceAll("-", "_").split(".")
  if (FILE_KEYS.includes(first))
    return `--${name} is not a flag: ${first} can only be set in a file; see --config`
  const unknown = `unknown flag --${name}`
  const suggestion = suggestKey(name, LISTENER)
  if (suggestion === undefined) {
    const dashed = name.replaceAll("_", "-")
    const near = closest(dashed, [...FLAGS, ...OTHER_FLAGS])
    return distance(dashed, near) <= 2 ? `${unknown}; did you mean --${near}?` : unknown
  }
  if ("sentence" in suggestion) return `${unknown}; ${suggestion.sentence}`
  const { key, tables } = suggestion
  const [setting] = tables.flatMap(({ settings }) => settings.filter((setting) => setting.key === key))
  const flag = tables.includes(LISTENER) ? toFlag(key) : setting?.flag
  if (flag !== undefined && FLAGS.includes(flag)) return `${unknown}; did you mean --${flag}?`
  return `${unknown}; ${key} can only be set in a file; see --config`
}
