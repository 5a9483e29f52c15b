/** Verifies signed tokens with `jose`, which is loaded only where tokens are required. */
import { SessionEnd } from "../close-reason.js"
import { isTable, toTable } from "../settings/table.js"
import type { Claims } from "./claims.js"

type Jose = typeof import("jose")
type Options = NonNullable<Parameters<Jose["jwtVerify"]>[2]>
/** Chooses the key for a token by its header. */
export type KeySet = import("jose").JWTVerifyGetKey<CryptoKey>
/** Public keys, or a secret. */
export type Keys = KeySet | Uint8Array

/** More would make a token without key ID expensive. */
const MAX_KEYS = 100

export interface TokenRules {
  readonly algorithms: readonly string[]
  readonly issuer?: readonly string[] | undefined
  readonly audience?: readonly string[] | undefined
  readonly toleranceMs: number
}

/** No key of the set can have signed the token. A newer set may have it. */
export class UnknownKeyError extends Error {
  override readonly name = "UnknownKeyError"
}

/** The claims of a verified token. `exp` is always there. */
export type VerifiedClaims = Claims & { readonly exp: number }

export class Verifier {
  private constructor(private readonly jose: Jose) {}

  static async load(): Promise<Verifier> {
    return new Verifier(await import("jose"))
  }

  /**
   * Reads a JWK set (RFC 7517 §5). Throws an error that says what is wrong with it. Private keys and secrets
   * in it are never used.
   * @param byId whether only the key with the token's key ID fits, or else each of the right type
   */
  parseKeySet(text: string, { byId = true } = {}): KeySet {
    const { keys } = toTable(JSON.parse(text))
    if (!Array.isArray(keys)) throw new Error("it is not a JWK set")
    const usable = keys.filter((key) => isTable(key) && typeof key.kty === "string" && key.kty !== "oct")
    if (usable.length === 0) throw new Error("it has no public key")
    if (usable.length > MAX_KEYS) throw new Error(`it has more than ${MAX_KEYS} keys`)
    const keySet = this.jose.createLocalJWKSet({ keys: usable })
    return byId ? keySet : ({ alg }) => keySet({ alg })
  }

  /** Rejects with `SessionEnd("bad_token")` or `UnknownKeyError`. No text repeats the token or its claims. */
  async verify(token: string, keys: Keys, rules: TokenRules, nowMs: number): Promise<VerifiedClaims> {
    const { algorithms, issuer, audience, toleranceMs } = rules
    const options = {
      algorithms: [...algorithms],
      ...(issuer !== undefined && { issuer: [...issuer] }),
      ...(audience !== undefined && { audience: [...audience] }),
      clockTolerance: toleranceMs / 1000,
      currentDate: new Date(nowMs),
      requiredClaims: ["exp"],
    }
    const { jwtVerify } = this.jose
    try {
      const { payload } =
        keys instanceof Uint8Array
          ? await jwtVerify(token, keys, options)
          : await jwtVerify(token, keys, options).catch((error: unknown) =>
              this.#tryEach(token, error, options),
            )
      const { exp } = payload
      if (exp === undefined) throw new SessionEnd("bad_token", 'its claim "exp" is missing')
      return { ...payload, exp }
    } catch (error) {
      throw this.#toFault(error)
    }
  }

  /** A token without key ID may be signed with each key of its kind. */
  async #tryEach(token: string, error: unknown, options: Options) {
    const { JWKSMultipleMatchingKeys, JWSSignatureVerificationFailed } = this.jose.errors
    if (!(error instanceof JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return await this.jose.jwtVerify(token, key, options)
      } catch (failure) {
        if (!(failure instanceof JWSSignatureVerificationFailed)) throw failure
      }
    }
    throw new JWSSignatureVerificationFailed()
  }

  #toFault(error: unknown): unknown {
    const { errors } = this.jose
    if (error instanceof SessionEnd) return error
    if (error instanceof errors.JWKSNoMatchingKey) return new UnknownKeyError()
    const bad = (detail: string) => new SessionEnd("bad_token", detail)
    if (error instanceof errors.JWTExpired) return bad("it has expired")
    if (error instanceof errors.JWTClaimValidationFailed) return bad(faultOfClaim(error))
    if (error instanceof errors.JOSEAlgNotAllowed) return bad("its algorithm is not allowed")
    if (error instanceof errors.JWSSignatureVerificationFailed) return bad("its signature is wrong")
    if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
      return bad("it is not a signed JWT")
    }
    return new SessionEnd("bad_token", "it can't be verified", error)
  }
}

function faultOfClaim({ claim, reason }: { readonly claim: string; readonly reason: string }): string {
  if (reason === "missing") return `its claim "${claim}" is missing`
  if (reason === "invalid") return `its claim "${claim}" is not a number`
  return claim === "nbf" ? "it is not valid yet" : `its claim "${claim}" is not the required one`
}
