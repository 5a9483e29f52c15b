/** What the claims of a verified token must be, and which of them the backend gets. Pure. */
import { SessionEnd } from "../close-reason.js"
import { FieldEdit } from "../http/field-writer.js"

export type Claims = Readonly<Record<string, unknown>>

/** Values by the names of claims. */
export type Entries<Value> = readonly (readonly [claim: string, value: Value])[]

/** A value that a claim must have or list; true: any but false, null and empty. */
export type RequiredClaim = string | number | boolean

/** Throws `SessionEnd("bad_token")`. */
export function checkRequiredClaims(claims: Claims, required: Entries<RequiredClaim>): void {
  for (const [name, wanted] of required) {
    const claim = claimOf(claims, name)
    if (claim === undefined || claim === null)
      throw new SessionEnd("bad_token", `its claim "${name}" is missing`)
    // RFC 8693 §4.2: a list with spaces in between.
    const value = name === "scope" && typeof claim === "string" ? claim.split(" ").filter(Boolean) : claim
    const isMet =
      wanted === true
        ? value !== false && value !== "" && !(Array.isArray(value) && value.length === 0)
        : claim === wanted || (Array.isArray(value) && value.includes(wanted))
    if (!isMet) throw new SessionEnd("bad_token", `its claim "${name}" is not the required one`)
  }
}

/**
 * The fields for the backend. Those of the client of these names are removed, also if a claim is missing.
 * Throws `SessionEnd("bad_token")` if a claim can't be written so that the backend reads the same value.
 * @param names of fields
 */
export function fieldsOfClaims(claims: Claims, names: Entries<string>): FieldEdit[] {
  return names.map(([claim, name]) => {
    const value = fieldValue(claim, claimOf(claims, claim))
    return value === "" ? FieldEdit.remove(name) : FieldEdit.set(name, value)
  })
}

function claimOf(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined
}

function fieldValue(claim: string, value: unknown): string {
  if (value === undefined || value === null) return ""
  if (!Array.isArray(value)) return fieldText(claim, value)
  const members = value.map((member) => fieldText(claim, member))
  // "a,b" in one member would become two.
  if (members.some((member) => member === "" || member.includes(","))) throw unwritable(claim)
  return members.join(",")
}

/** In UTF-8, one character per byte, since heads are Latin-1. */
function fieldText(claim: string, value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
    throw unwritable(claim)
  }
  const text = String(value)
  // Servers drop white space around a value, so "admin " would become "admin".
  if (/\p{Cc}|\p{Cs}/u.test(text) || text !== text.trim()) throw unwritable(claim)
  return Buffer.from(text, "utf8").toString("latin1")
}

function unwritable(claim: string): SessionEnd {
  return new SessionEnd("bad_token", `its claim "${claim}" can't be written as a header field`)
}
