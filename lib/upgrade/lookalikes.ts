/**
 * Fields that some backends can't tell apart. CGI makes X-User and X_User one variable, HTTP_X_USER (RFC 3875
 * §4.1.18), and so do WSGI, Rack and PHP: whoever sends the second one overrides the first.
 */
import type { Field } from "../http/head.js"

/** Two different names without such a character are never the same variable. */
const NOT_PLAIN = /[^a-z0-9-]/

/**
 * Which of the fields have a name that is the same variable as one of `names`, but is not one of them. All in
 * lower case.
 */
export function lookalikesOf(names: Iterable<string>, fields: readonly Field[]): string[] {
  const all = new Set(names)
  const isPlain = ![...all].some((name) => NOT_PLAIN.test(name))
  const suspects = fields.filter(({ name }) => !all.has(name) && !(isPlain && !NOT_PLAIN.test(name)))
  if (suspects.length === 0) return []
  const variables = new Set([...all].map(variableOf))
  return suspects.map(({ name }) => name).filter((name) => variables.has(variableOf(name)))
}

/** Some servers make every character that is not a letter or digit a "_". */
function variableOf(name: string): string {
  return name.replace(/[^a-z0-9]/g, "_")
}
