/**
 * Finds fields that a backend may confuse with a field that rws writes. CGI maps both X-User and X_User to
 * the variable HTTP_X_USER (RFC 3875 §4.1.18), and so do WSGI, Rack and PHP: a client that sends the second
 * overrides the first.
 */
import type { Field } from "../http/head.js"

/**
 * Returns the names of fields that map to the same variable as one of `names` without being one of them. All
 * names are in lower case.
 */
export function lookalikesOf(names: readonly string[], fields: readonly Field[]): string[] {
  if (!names.some(isOdd) && !fields.some(({ name }) => isOdd(name))) return []
  const variables = new Set(names.map(variableOf))
  return fields
    .map(({ name }) => name)
    .filter((name) => !names.includes(name) && variables.has(variableOf(name)))
}

/** Two different names map to the same variable only if at least one of them is odd. */
function isOdd(name: string): boolean {
  return /[^a-z0-9-]/.test(name)
}

/** Some servers replace every character that is not a letter or a digit with "_". */
function variableOf(name: string): string {
  return name.replace(/[^a-z0-9]/g, "_")
}
