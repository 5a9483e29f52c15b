/** Problems of a configuration: path, line and message. */
import type { z } from "zod"
import { tableAt } from "./known-tables.js"
import { wordFor } from "./other-names.js"
import { describeUnknownKey, UNKNOWN_KEY } from "./suggest-key.js"

export interface ConfigProblem {
  /** The way to the key, as in `["ws_proxy", 0, "bind"]`. */
  readonly path: readonly (string | number)[]
  readonly message: string
  /** Line in the file, from 1; absent where there is no file, or if it isn't known. */
  readonly line?: number | undefined
}

/** Problems that a message describes. One mistake in a generated file may be repeated a thousand times. */
const MAX_DESCRIBED = 50

/**
 * All problems of one configuration. The message has one line for each of the first 50, how many more there
 * are, and the hints.
 */
export class ConfigError extends Error {
  constructor(
    /** Name of the file, or "configuration" or "command line". */
    readonly source: string,
    readonly problems: readonly ConfigProblem[],
    /** General advice, e.g. a list of the known keys; may have several lines. */
    readonly hints: readonly string[] = [],
  ) {
    const described = problems.slice(0, MAX_DESCRIBED).map((problem) => describe(source, problem))
    const rest = problems.length - described.length
    const more = rest > 0 ? [`${source}: and ${rest} more problem${rest === 1 ? "" : "s"}`] : []
    super([...described, ...more, ...hints].join("\n"))
    this.name = "ConfigError"
  }
}

/** Turns the issues of zod into problems, one per key. */
export function toProblems(error: z.ZodError): ConfigProblem[] {
  let described = 0
  // A suggestion takes half a millisecond, so problems that no message describes get none.
  const describeKey: KeyDescriber = (key, path) =>
    described++ < MAX_DESCRIBED ? describeUnknownKey(key, path) : UNKNOWN_KEY
  return error.issues.flatMap((issue) => problemsOf(issue, [], describeKey))
}

type KeyDescriber = typeof describeUnknownKey

function problemsOf(
  issue: z.core.$ZodIssue,
  parent: ConfigProblem["path"],
  describeKey: KeyDescriber,
): ConfigProblem[] {
  const path = [...parent, ...issue.path.filter((step) => typeof step !== "symbol")]
  if (issue.code === "invalid_union") {
    return (branchMeant(issue.errors) ?? []).flatMap((inner) => problemsOf(inner, path, describeKey))
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: describeKey(key, path) }))
  }
  // A key of a table with free keys.
  if (issue.code === "invalid_key")
    return issue.issues.flatMap((inner) => problemsOf(inner, path, describeKey))
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
