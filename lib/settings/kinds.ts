/** Kinds of values, each with the message for a wrong one. */

import { z } from "zod"
import { MAX_TIMER_MS } from "../shared/timer.js"
import { SettingError } from "./setting-error.js"

export const durationMs = z
  .int("expected a whole number of milliseconds")
  .max(MAX_TIMER_MS, `expected at most ${MAX_TIMER_MS} ms, about 24 days`)
export const deadlineMs = durationMs.min(1, "expected at least 1 ms; this deadline can't be switched off")
export const optionalMs = durationMs.min(0, "expected 0 (off) or a number of milliseconds")

export const flag = z.boolean("expected true or false")

/** A limit; 0 = unlimited. */
export const limit = z.int("expected a whole number").min(0, "expected 0 (unlimited) or more")

/** A whole number in a range. */
export function whole(least: number, most: number) {
  return z
    .int("expected a whole number")
    .min(least, `expected ${least} to ${most}`)
    .max(most, `expected ${least} to ${most}`)
}

/** One of these words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, `expected one of ${words.join(", ")}`)
}

/** Text that becomes the value that `parse` returns; the message of its `SettingError` is reported. */
export function parsedText<Value>(parse: (text: string) => Value, expected: string) {
  return z.string(expected).transform((text, context) => {
    try {
      return parse(text)
    } catch (error) {
      if (!(error instanceof SettingError)) throw error
      context.addIssue({ code: "custom", message: error.message })
      return z.NEVER
    }
  })
}

/** Text that `check` accepts, and that stays text; the message of its `SettingError` is reported. */
export function checkedText(check: (text: string) => unknown, expected: string) {
  return z.string(expected).superRefine((text, context) => {
    const message = faultIn(() => check(text))
    if (message !== undefined) context.addIssue({ code: "custom", message })
  })
}

/**
 * The message of the `SettingError` that `check` throws; undefined if it throws none. Rethrows other errors.
 */
export function faultIn(check: () => unknown): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof SettingError) return error.message
    throw error
  }
}

/**
 * For a refinement that also runs if a part of the value is invalid, so that one problem hides no other. The
 * parts may then have any type.
 */
export const EVEN_IF_INVALID = { when: () => true }

/** A list of at least one. */
export function listOf<Item extends z.ZodType>(item: Item, expected: string) {
  return z.array(item, expected).min(1, "expected at least one")
}
