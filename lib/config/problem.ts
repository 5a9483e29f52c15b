/** Problems of a configuration: path, line and message. */
import type { z } from "zod"
import { tableAt } from "./known-tables.js"
import { wordFor } from "./other-names.js"
import { describeUnknownKey, UNKNOWN_KEY } from "./suggest-key.js"

export interface ConfigProblem {
  /** The way to the key, as in `["ws_proxy", 0, "bind"]`. */
  readonly path: readonly (string | number)[]
  readonly message: string
  /** Line in the file, from 1; absent where there is no file. */
  readonly line?: number
}

/** All problems of one configuration. The message has one line per problem, then the hints. */
export class ConfigError extends Error {
  constructor(
    /** Name of the file, or "configuration" or "command line". */
    readonly source: string,
    readonly problems: readonly ConfigProblem[],
    /** General advice, e.g. a list of the known keys; may have several lines. */
    readonly hints: readonly string[] = [],
  ) {
    super([...problems.map((problem) => describe(source, problem)), ...hints].join("\n"))
    this.name = "ConfigError"
  }
}

/** Turns the issues of zod into problems, one per key. */
export function toProblems(error: z.ZodError): ConfigProblem[] {
  return error.issues.flatMap((issue) => problemsOf(issue, []))
}

function problemsOf(issue: z.core.$ZodIssue, parent: ConfigProblem["path"]): ConfigProblem[] {
  const path = [...parent, ...issue.path.filter((step) => typeof step !== "symbol")]
  if (issue.code === "invalid_union") {
    return (branchMeant(issue.errors) ?? []).flatMap((inner) => problemsOf(inner, path))
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: describeUnknownKey(key, path) }))
  }
  // A key of a table with free keys.
  if (issue.code === "invalid_key") return issue.issues.flatMap((inner) => problemsOf(inner, path))
  if (issue.code === "invalid_type" && issue.input === undefined)
    return [{ path, message: "required, but missing" }]
  if (issue.code === "invalid_value") {
    return [{ path, message: `${issue.message}${suggestWord(issue.input, issue.values)}` }]
  }
  return [{ path, message: issue.message }]
}

/** For a union: the issues of the branch whose type matches, else of the last branch. */
function branchMeant(branches: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  const hasOtherType = ({ code, path }: z.core.$ZodIssue) =>
    path.length === 0 && (code === "invalid_type" || code === "invalid_value")
  return branches.find((issues) => !issues.some(hasOtherType)) ?? branches.at(-1)
}

/** Formats a path: `ws_proxy[0].bind`. */
export function formatPath(path: ConfigProblem["path"]): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join("")
}

function describe(source: string, { path, message, line }: ConfigProblem): string {
  const where = line === undefined ? source : `${source}:${line}`
  return path.length === 0 ? `${where}: ${message}` : `${where}: ${formatPath(path)}: ${message}`
}

/** Lists the keys of each kind of table that has an unknown key without a suggestion. */
export function listKnownKeys(problems: readonly ConfigProblem[]): string[] {
  const unexplained = problems.filter(({ message }) => message === UNKNOWN_KEY)
  const tables = new Set(unexplained.map(({ path }) => tableAt(path.slice(0, -1))))
  return [...tables].map(({ place, keys }) => `Known keys ${place}: ${keys.join(", ")}`)
}

function suggestWord(value: unknown, words: readonly unknown[]): string {
  const known = words.filter((word) => typeof word === "string")
  const meant = typeof value === "string" ? wordFor(value, known) : undefined
  return meant === undefined ? "" : `; did you mean "${meant}"?`
}
