/**
 * Checks what hooks return. The types don't hold for programs in JavaScript, and there a misspelt key, or the
 * empty result of a query, must not let anybody in.
 */

/**
 * Throws a `TypeError` if the value is of another type. The error names no values, which may be secrets.
 * @param at where it is: first the hook, then the keys
 */
export type TypeCheck = (value: unknown, at: readonly string[]) => void

export function ofType(expected: string, isValid: (value: unknown) => boolean): TypeCheck {
  return (value, at) => {
    if (!isValid(value)) throw wrongType(value, at, expected)
  }
}

export const text = ofType("text", (value) => typeof value === "string")
export const number = ofType("a number", (value) => typeof value === "number")

export function listOf(member: TypeCheck): TypeCheck {
  return (value, at) => {
    if (!Array.isArray(value)) throw wrongType(value, at, "a list")
    for (const [index, one] of value.entries()) member(one, [...at, `${index}`])
  }
}

/** A table with any keys. */
export function tableOf(member: TypeCheck): TypeCheck {
  return (value, at) => {
    if (!isPlainObject(value)) throw wrongType(value, at, "a plain object")
    for (const [key, one] of Object.entries(value)) member(one, [...at, key])
  }
}

/** A table with these keys only. Each may be absent or undefined. */
export function tableWith(keys: Readonly<Record<string, TypeCheck>>): TypeCheck {
  const names = Object.keys(keys).join(", ")
  return (value, at) => {
    if (!isPlainObject(value)) throw wrongType(value, at, `a plain object with ${names}`)
    for (const [key, one] of Object.entries(value)) {
      const check = Object.hasOwn(keys, key) ? keys[key] : undefined
      if (check === undefined) throw unknownKey([...at, key], names)
      if (one !== undefined) check(one, [...at, key])
    }
  }
}

function unknownKey([hook, ...keys]: readonly string[], names: string): TypeError {
  return new TypeError(`${hook} returned the unknown key "${keys.join(".")}": expected ${names}`)
}

function wrongType(value: unknown, [hook, ...keys]: readonly string[], expected: string): TypeError {
  const place = keys.length === 0 ? "" : ` as "${keys.join(".")}"`
  return new TypeError(`${hook} returned ${typeOf(value)}${place}: expected ${expected}`)
}

function typeOf(value: unknown): string {
  if (value === undefined || value === null) return `${value}`
  if (typeof value !== "object") return `a ${typeof value}`
  return typeof value.constructor === "function" ? `an instance of ${value.constructor.name}` : "an object"
}

/** Of a literal or of `Object.create(null)`. */
function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
