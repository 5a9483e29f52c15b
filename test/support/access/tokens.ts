/** An issuer of tokens for tests: keys, key sets and signed tokens. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto"
import { type JWTHeaderParameters, type JWTPayload, SignJWT } from "jose"

/** Seconds since 1970, as in tokens. */
export const NOW_S = 1_800_000_000

export interface TestKey {
  readonly alg: string
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** For a key set. */
  readonly jwk: object
  /** SPKI. */
  readonly pem: string
}

/** Makes a key pair. ES256 is quick to make, RS256 takes about 100 ms. */
export function makeKey(kid: string, alg: "ES256" | "RS256" | "EdDSA" = "ES256"): TestKey {
  const { privateKey } =
    alg === "ES256"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : alg === "EdDSA"
        ? generateKeyPairSync("ed25519")
        : generateKeyPairSync("rsa", { modulusLength: 2048 })
  const publicKey = createPublicKey(createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" })))
  return {
    alg,
    kid,
    privateKey,
    publicKey,
    jwk: { ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" },
    pem: publicKey.export({ type: "spki", format: "pem" }).toString(),
  }
}

/** The claims of a token that is valid at `NOW_S`. */
export const CLAIMS: JWTPayload = {
  iss: "https://login.example.com",
  aud: "chat",
  sub: "ada",
  iat: NOW_S - 10,
  exp: NOW_S + 60,
}

/** Signs a token with this key. Claims and header parameters that are undefined are left out. */
export function signToken(
  key: TestKey,
  claims: JWTPayload = {},
  header: Partial<JWTHeaderParameters> = {},
): Promise<string> {
  const payload = JSON.parse(JSON.stringify({ ...CLAIMS, ...claims }))
  const parameters = JSON.parse(JSON.stringify({ alg: key.alg, kid: key.kid, ...header }))
  return new SignJWT(payload).setProtectedHeader(parameters).sign(key.privateKey)
}

/** A token put together by hand. */
export function rawToken(header: object, claims: object, signature = "c2lnbmF0dXJl"): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
  return `${part(header)}.${part(claims)}.${signature}`
}

export function keySetOf(...keys: readonly TestKey[]): string {
  return JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })
}
