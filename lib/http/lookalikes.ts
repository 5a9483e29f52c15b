/**
 * Fields that some backends can't tell apart. CGI makes X-User and X_User one variable, HTTP_X_USER (RFC 3875
 * §4.1.18), and so do WSGI, Rack and PHP: whoever sends the second one overrides the first.
 */
import type { Field } from "./head.js"

/**
 * Which of the fields have a name that is the same variable as one of `names`, but is not one of them. All in
 * lower case.
 */
export function lookalikesOf(names: Iterable<string>, fields: readonly Field[]): string[] {
  const all = [...names]
  if (!all.some(isOdd) && !fields.some(({ name }) => isOdd(name))) return []
  const variables = new Set(all.map(variableOf))
  return fields
    .map(({ name }) => name)
    .filter((name) => !all.includes(name) && variables.has(variableOf(name)))
}

/** Two different names of which neither is odd are never the same variable. */
function isOdd(name: string): boolean {
  return /[^a-z0-9-]/.test(name)
}

/** Some servers make every character that is not a letter or digit a "_". */
function variableOf(name: string): string {
  return name.replace(/[^a-z0-9]/g, "_")
}
