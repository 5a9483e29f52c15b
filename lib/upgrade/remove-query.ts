/** Removes query parameters from a request target. */

/**
 * @param target in origin-form: path and query
 * @param names decoded names of the parameters to remove. All others keep their order and bytes
 */
export function removeQuery(target: string, names: readonly string[]): string {
  const mark = target.indexOf("?")
  if (mark < 0) return target
  const path = target.slice(0, mark)
  const kept = target
    .slice(mark + 1)
    .split("&")
    .filter((part) => !names.includes(nameOf(part)))
  return kept.length === 0 ? path : `${path}?${kept.join("&")}`
}

/** The decoded name, by the rules with which forms are read (URL Standard §5.1). */
function nameOf(part: string): string {
  // A "?" at the start of the text would be dropped.
  const [[name = ""] = []] = new URLSearchParams(`&${part}`)
  return name
}
