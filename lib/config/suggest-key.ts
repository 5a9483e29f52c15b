/** Suggestions for unknown keys. */
import { distance } from "fastest-levenshtein"
import {
  ALL_KEYS,
  type FoundKey,
  FRONT,
  findKey,
  findOtherName,
  type KnownTable,
  tableAt,
} from "./known-tables.js"
import { frontSentenceFor, sentenceFor, toPlain } from "./other-names.js"

/** Suggestion for an unknown key: a known key with the tables that have it, or a sentence. */
export type Suggestion = FoundKey | { readonly sentence: string }

/** Finds the suggestion for an unknown key; undefined if there is none. */
export function suggestKey(name: string, table: KnownTable): Suggestion | undefined {
  const here = (key: string | undefined) => (key === undefined ? undefined : { key, tables: [table] })
  return (
    here(sameSpelling(name, table.keys)) ??
    findOtherName(name, [table]) ??
    here(inMilliseconds(name, table.keys)) ??
    (table.isFront ? toSuggestion(frontSentenceFor(name)) : undefined) ??
    keyElsewhere(name, table) ??
    toSuggestion(sentenceFor(name)) ??
    findOtherName(name) ??
    here(nearest(name, table.keys)) ??
    elsewhere(inMilliseconds(name, ALL_KEYS) ?? nearest(name, ALL_KEYS))
  )
}

/** The message for an unknown key. */
export function describeUnknownKey(name: string, path: readonly (string | number)[]): string {
  const table = tableAt(path)
  const suggestion = suggestKey(name, table)
  if (suggestion === undefined) return UNKNOWN_KEY
  if ("sentence" in suggestion) return `${UNKNOWN_KEY}; ${suggestion.sentence}`
  const { key, tables } = suggestion
  if (tables.includes(table)) return `${UNKNOWN_KEY}; did you mean "${key}"?`
  const places = listed(tables.map(({ place }) => place))
  if (key === name) return `${UNKNOWN_KEY} here; belongs ${places}`
  return `${UNKNOWN_KEY}; did you mean "${key}" ${places}?`
}

/** The message for a key without a suggestion. */
export const UNKNOWN_KEY = "unknown key"

/**
 * A known key of another table. In a table that faces the client, the other name of a key that does so wins
 * over it.
 */
function keyElsewhere(name: string, { isFront }: KnownTable): Suggestion | undefined {
  const own = findKey(name)
  return own === undefined || !isFront ? own : (findOtherName(name, FRONT) ?? own)
}

function toSuggestion(sentence: string | undefined): Suggestion | undefined {
  return sentence === undefined ? undefined : { sentence }
}

function elsewhere(key: string | undefined): Suggestion | undefined {
  return key === undefined ? undefined : findKey(key)
}

function sameSpelling(name: string, keys: readonly string[]): string | undefined {
  const plain = toPlain(name)
  return keys.find((key) => toPlain(key) === plain)
}

/** Other programs count seconds, or write the unit into the value. */
function inMilliseconds(name: string, keys: readonly string[]): string | undefined {
  const stem = toPlain(name).replace(/(?:seconds|secs|sec|s|ms|millis)$/, "")
  return keys.find((key) => key.endsWith("_ms") && toPlain(key.slice(0, -"_ms".length)) === stem)
}

/** Typing errors: one letter, two swapped letters, or more in a longer name with the right first letter. */
function nearest(name: string, keys: readonly string[]): string | undefined {
  const plain = toPlain(name)
  const most = plain.length < 6 ? 1 : Math.max(2, Math.floor(plain.length / 4))
  const candidates = keys
    .flatMap((key) => [key, key.replace(/_ms$/, "")].map((form) => [key, toPlain(form)] as const))
    .map(([key, form]) => ({ key, form, steps: distance(plain, form) }))
    .filter(({ form, steps }) => {
      if (steps <= 1) return true
      return form[0] === plain[0] && (steps <= most || (steps === 2 && sorted(form) === sorted(plain)))
    })
  return candidates.sort((one, other) => one.steps - other.steps)[0]?.key
}

function sorted(text: string): string {
  return [...text].sort().join("")
}

function listed(places: readonly string[]): string {
  return places.length < 2 ? places.join() : `${places.slice(0, -1).join(", ")} or ${places.at(-1)}`
}
