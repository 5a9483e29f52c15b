/** Reads keys and secrets to verify tokens with from files, and says what is wrong with them. */
import { createPublicKey, type JsonWebKey, type KeyObject } from "node:crypto"
import { readRegularFile, readSecret } from "../settings/regular-file.js"
import { SettingError } from "../settings/setting-error.js"
import { isTable, type Table } from "../settings/table.js"

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END \1-----/g
/** RFC 7518 §3.3 and §3.5. */
const MIN_RSA_BITS = 2048
/** RFC 7518 §3.2: as long as the hash. */
const MIN_SECRET_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 }

/** The public keys of these files, as JWKs without key IDs: each key is tried. Throws `SettingError`. */
export function readPublicKeys(paths: readonly string[], algorithms: readonly string[]): JsonWebKey[] {
  return paths.flatMap((path) => {
    const text = readRegularFile(path, "latin1", `key_files "${path}"`)
    const keys = /^\s*\{/.test(text) ? keysInJson(path, text) : keysInPem(path, text)
    if (keys.length === 0) {
      throw new SettingError(`key_files "${path}" holds no key: expected a public key as PEM or JWK`)
    }
    return keys.map((key) => toJwk(path, key, algorithms))
  })
}

/** The secret that tokens are signed with by these algorithms. Throws `SettingError`. */
export function readSigningSecret(path: string, algorithms: readonly string[]): Uint8Array {
  const secret = new Uint8Array(Buffer.from(readSecret(path, `secret_file "${path}"`), "latin1"))
  const least = Math.max(...algorithms.map((algorithm) => MIN_SECRET_BYTES[algorithm] ?? 0))
  if (secret.length < least) {
    throw new SettingError(
      `secret_file "${path}" holds ${secret.length} bytes: ${algorithms.join(", ")} needs at least ${least}`,
    )
  }
  return secret
}

function keysInPem(path: string, text: string): KeyObject[] {
  return [...text.matchAll(PEM)].map(([block, kind = ""]) => {
    if (kind.endsWith("PRIVATE KEY")) throw privateKey(path)
    return parseKey(path, block)
  })
}

function keysInJson(path: string, text: string): KeyObject[] {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new SettingError(`key_files "${path}" is not valid JSON`)
  }
  const keys: unknown[] = isTable(json) && Array.isArray(json.keys) ? json.keys : [json]
  return keys.filter(isTable).map((key) => keyOfJwk(path, key))
}

function keyOfJwk(path: string, key: Table): KeyObject {
  if (key.kty === "oct") {
    throw new SettingError(`key_files "${path}" holds a secret: expected public keys only; see secret_file`)
  }
  if ("d" in key) throw privateKey(path)
  return parseKey(path, { key: key as JsonWebKey, format: "jwk" })
}

function parseKey(path: string, key: Parameters<typeof createPublicKey>[0]): KeyObject {
  try {
    return createPublicKey(key)
  } catch {
    throw new SettingError(`key_files "${path}" holds a key that can't be parsed`)
  }
}

function privateKey(path: string): SettingError {
  return new SettingError(
    `key_files "${path}" holds a private key: expected the public key only, so that nobody can sign tokens with what rws has`,
  )
}

/** Checks that a token can be verified with this key. */
function toJwk(path: string, key: KeyObject, algorithms: readonly string[]): JsonWebKey {
  const { asymmetricKeyType: type = "", asymmetricKeyDetails: details = {} } = key
  const { modulusLength = MIN_RSA_BITS, namedCurve = "" } = details
  if (modulusLength < MIN_RSA_BITS) {
    throw new SettingError(
      `key_files "${path}" holds an RSA key of ${modulusLength} bits: expected at least ${MIN_RSA_BITS}`,
    )
  }
  const fits = ALGORITHMS[type === "ec" ? namedCurve : type]
  if (fits === undefined || !algorithms.some((algorithm) => fits.test(algorithm))) {
    throw new SettingError(
      `key_files "${path}" holds a key of type ${`${type} ${namedCurve}`.trim()}, which none of the algorithms uses: ${algorithms.join(", ")}`,
    )
  }
  return key.export({ format: "jwk" })
}

/** Which algorithms use a type of key. */
const ALGORITHMS: Readonly<Record<string, RegExp>> = {
  rsa: /^[RP]S/,
  prime256v1: /^ES256$/,
  secp384r1: /^ES384$/,
  secp521r1: /^ES512$/,
  ed25519: /^EdDSA$/,
}
