/**
 * Keeps a client with its backend: a cookie names the backend by a keyed hash, which does not reveal its
 * address and cannot be forged.
 */

import { createHmac, randomBytes } from "node:crypto"
import { cookiesOf } from "../http/cookies.js"
import { FieldEdit } from "../http/field-writer.js"
import { type Field, isToken } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"
import type { Backend } from "./backend.js"
import { STICKY_DEFAULTS, type StickyAttributes } from "./sticky-settings.js"

export interface Sticky {
  /** The same order, but with the backend that the client's cookie names first, if it is among them. */
  prefer(order: readonly Backend[], fields: readonly Field[]): readonly Backend[]
  /**
   * Adds this backend's cookie to the response; undefined if the request has it already, unless its lifetime
   * has to be renewed.
   */
  fieldFor(backend: Backend, fields: readonly Field[], isSecure: boolean): FieldEdit | undefined
}

const SAME_SITE = { lax: "Lax", strict: "Strict", none: "None" } as const
const TOKEN_BYTES = 16
const SECRET_BYTES = 32
const PROCESS_SECRET = randomBytes(SECRET_BYTES)

/** Random bytes, the same for the whole process, in memory that worker threads can share. */
export function createProcessSecret(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(SECRET_BYTES)
  new Uint8Array(memory).set(PROCESS_SECRET)
  return memory
}

/**
 * @param cookie the cookie's name
 * @param secret key of the hash
 * @param attributes of the cookie. Default: a session cookie for all paths of this host and pages of this
 * site
 * @throws {SettingError}
 */
export function createSticky(
  cookie: string,
  secret: string | Buffer,
  attributes: StickyAttributes = STICKY_DEFAULTS,
): Sticky {
  if (!isToken(cookie)) {
    throw new SettingError(
      `"${cookie}" is not a cookie name: expected letters, digits and !#$%&'*+-.^_\`|~ only`,
    )
  }
  if (secret.length === 0) throw new SettingError("the sticky_secret is empty: expected some text")
  const written = writeAttributes(attributes)
  // Browsers accept SameSite=None, Partitioned and these prefixes only together with Secure.
  const { same_site, partitioned } = attributes
  const isAlwaysSecure = same_site === "none" || partitioned || /^__(?:secure|host)-/i.test(cookie)
  const tokens = new WeakMap<Backend, string>()
  const tokenOf = (backend: Backend): string => {
    const known = tokens.get(backend)
    if (known !== undefined) return known
    const token = hashName(backend.name, secret)
    tokens.set(backend, token)
    return token
  }
  return {
    prefer(order, fields) {
      for (const value of cookiesOf(fields, cookie)) {
        const preferred = order.find((backend) => tokenOf(backend) === value)
        if (preferred !== undefined) return [preferred, ...order.filter((backend) => backend !== preferred)]
      }
      return order
    },
    fieldFor(backend, fields, isSecure) {
      const token = tokenOf(backend)
      if (attributes.max_age_s === 0 && cookiesOf(fields, cookie).includes(token)) return undefined
      const secure = isAlwaysSecure || isSecure ? "; Secure" : ""
      return FieldEdit.append("Set-Cookie", `${cookie}=${token}${written}${secure}`)
    },
  }
}

/** All attributes except Secure, which depends on the connection. */
function writeAttributes({ path, domain, max_age_s, same_site, partitioned }: StickyAttributes): string {
  const parts = [
    `Path=${path}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    ...(max_age_s === 0 ? [] : [`Max-Age=${max_age_s}`]),
    "HttpOnly",
    `SameSite=${SAME_SITE[same_site]}`,
    ...(partitioned ? ["Partitioned"] : []),
  ]
  return parts.map((part) => `; ${part}`).join("")
}

function hashName(name: string, secret: string | Buffer): string {
  return createHmac("sha256", secret).update(name).digest().subarray(0, TOKEN_BYTES).toString("base64url")
}
