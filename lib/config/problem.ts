/** What is wrong with a configuration, in words for the person who wrote it. */
import { closest, distance } from "fastest-levenshtein"
import type { z } from "zod"
import { configSchema, listenerSchema } from "./schema.js"

export interface ConfigProblem {
  /** The way to the key, as in `["ws_proxy", 0, "bind"]`. */
  readonly path: readonly (string | number)[]
  readonly message: string
  /** Line in the file, from 1; absent where there is no file. */
  readonly line?: number
}

/** All that is wrong with one configuration. The message has one line for each problem. */
export class ConfigError extends Error {
  constructor(
    /** The file's name, or what stands for it. */
    readonly source: string,
    readonly problems: readonly ConfigProblem[],
  ) {
    super(problems.map((problem) => describe(source, problem)).join("\n"))
    this.name = "ConfigError"
  }
}

/** What other proxies call our keys. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  listen: "bind",
  address: "bind",
  addr: "bind",
  upstream: "backends",
  upstreams: "backends",
  backend: "backends",
  servers: "backends",
  proxy: "ws_proxy",
  server: "ws_proxy",
  listener: "ws_proxy",
}

/** Turns what zod says into problems, one for each key. */
export function toProblems(error: z.ZodError): ConfigProblem[] {
  return error.issues.flatMap((issue) => problemsOf(issue, []))
}

function problemsOf(issue: z.core.$ZodIssue, parent: ConfigProblem["path"]): ConfigProblem[] {
  const path = [...parent, ...issue.path.filter((step) => typeof step !== "symbol")]
  // Of a key that may be one of several things, only the last one can be written in a file.
  if (issue.code === "invalid_union")
    return issue.errors.at(-1)?.flatMap((inner) => problemsOf(inner, path)) ?? []
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: `unknown key${suggest(key, path)}` }))
  }
  if (issue.code === "invalid_type" && issue.input === undefined)
    return [{ path, message: "required, but missing" }]
  return [{ path, message: issue.message }]
}

/** A key's path as it is read aloud: `ws_proxy[0].bind`. */
export function formatPath(path: ConfigProblem["path"]): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join("")
}

function describe(source: string, { path, message, line }: ConfigProblem): string {
  const where = line === undefined ? source : `${source}:${line}`
  return path.length === 0 ? `${where}: ${message}` : `${where}: ${formatPath(path)}: ${message}`
}

function suggest(key: string, table: ConfigProblem["path"]): string {
  const known = keysOf(table)
  const other = OTHER_NAMES[key.toLowerCase()]
  const nearest = other !== undefined && known.includes(other) ? other : closest(key.toLowerCase(), known)
  const near = nearest === other || distance(key.toLowerCase(), nearest) <= Math.max(2, key.length / 2)
  return near ? `; did you mean "${nearest}"?` : `; known keys: ${known.join(", ")}`
}

function keysOf([table]: ConfigProblem["path"]): string[] {
  if (table === "ws_proxy") return Object.keys(listenerSchema.shape)
  if (table === "log") return Object.keys(configSchema.shape.log.unwrap().shape)
  return Object.keys(configSchema.shape)
}
