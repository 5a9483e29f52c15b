/** What is wrong with a configuration, in words for the person who wrote it. */
import { closest, distance } from "fastest-levenshtein"
import { z } from "zod"
import { keyFor, wordFor } from "./other-names.js"
import { configSchema } from "./schema.js"

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

/** Turns what zod says into problems, one for each key. */
export function toProblems(error: z.ZodError): ConfigProblem[] {
  return error.issues.flatMap((issue) => problemsOf(issue, []))
}

function problemsOf(issue: z.core.$ZodIssue, parent: ConfigProblem["path"]): ConfigProblem[] {
  const path = [...parent, ...issue.path.filter((step) => typeof step !== "symbol")]
  if (issue.code === "invalid_union") {
    return (branchMeant(issue.errors) ?? []).flatMap((inner) => problemsOf(inner, path))
  }
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: [...path, key], message: `unknown key${suggestKey(key, path)}` }))
  }
  // The key of a table whose keys are up to the user.
  if (issue.code === "invalid_key") return issue.issues.flatMap((inner) => problemsOf(inner, path))
  if (issue.code === "invalid_type" && issue.input === undefined)
    return [{ path, message: "required, but missing" }]
  if (issue.code === "invalid_value") {
    return [{ path, message: `${issue.message}${suggestWord(issue.input, issue.values)}` }]
  }
  return [{ path, message: issue.message }]
}

/** Of a key that may be one of several things: the one of which it has the type, else the last, which a file can hold. */
function branchMeant(branches: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  const hasOtherType = ({ code, path }: z.core.$ZodIssue) =>
    path.length === 0 && (code === "invalid_type" || code === "invalid_value")
  return branches.find((issues) => !issues.some(hasOtherType)) ?? branches.at(-1)
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

function suggestKey(key: string, table: ConfigProblem["path"]): string {
  const known = keysAt(configSchema, table)
  const meant = keyFor(key, known) ?? nearest(key, known)
  return meant === undefined ? `; known keys: ${known.join(", ")}` : `; did you mean "${meant}"?`
}

function suggestWord(value: unknown, words: readonly unknown[]): string {
  const known = words.filter((word) => typeof word === "string")
  const meant = typeof value === "string" ? wordFor(value, known) : undefined
  return meant === undefined ? "" : `; did you mean "${meant}"?`
}

function nearest(key: string, known: readonly string[]): string | undefined {
  const near = closest(key.toLowerCase(), known)
  return distance(key.toLowerCase(), near) <= Math.max(2, key.length / 2) ? near : undefined
}

/** The keys of the table at this path. */
function keysAt(schema: z.core.$ZodType, path: ConfigProblem["path"]): string[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return keysAt(schema.unwrap(), path)
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => keysAt(option, path))
  const [step, ...rest] = path
  if (schema instanceof z.ZodArray) return keysAt(schema.element, rest)
  if (schema instanceof z.ZodRecord) return keysAt(schema.valueType, rest)
  if (!(schema instanceof z.ZodObject)) return []
  if (step === undefined) return Object.keys(schema.shape)
  return keysAt(schema.shape[step], rest)
}
