/** Requires a signed token (JWT, RFC 7519) of each client. */
import { hash } from "node:crypto"
import { SessionEnd } from "../close-reason.js"
import { detach } from "../http/detach.js"
import { HttpClient } from "../net/http-client.js"
import { BoundedCache } from "../shared/bounded-cache.js"
import type { Clock } from "../shared/clock.js"
import type { AccessCheck, AskedRequest, Grant } from "./check.js"
import { checkRequiredClaims, fieldsOfClaims } from "./claims.js"
import type { JwtSettings } from "./jwt-schema.js"
import { readPublicKeys, readSigningSecret } from "./key-files.js"
import { FixedKeys, type KeySource } from "./key-source.js"
import { RemoteKeys } from "./remote-keys.js"
import { findToken, queryNames, titleOf, withoutTokenOffers } from "./token-source.js"
import { type Keys, type TokenRules, UnknownKeyError, Verifier } from "./verify-token.js"

/** Three parts in base64url, none of them empty (RFC 7515 §7.1). */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/
const MAX_VERIFIED = 10_000
/** Hashing a token of this length costs 1 % of a handshake. */
const MAX_KEY_LENGTH = 2048
/** How long a verified token is not verified again. */
const VERIFIED_MS = 300_000

export interface TokenCheckDependencies {
  readonly clock: Clock
  /** The time of day, in milliseconds since 1970. Default: the system's. */
  readonly wallMs?: () => number
  /** Told when the key set can't be fetched; a set that is stale may still be used. */
  readonly onFailure?: (message: string, error: unknown) => void
}

/** What is remembered of a verified token. */
interface Verified {
  /** The keys that it was verified with. */
  readonly keys: Keys
  readonly grant: Grant
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

export class TokenCheck implements AccessCheck {
  readonly #rules: TokenRules
  readonly #prefixes: readonly string[]
  readonly #removedQuery: readonly string[]
  /** By the tokens, or by the digests of long ones. */
  readonly #verified = new BoundedCache<Verified>(MAX_VERIFIED)
  readonly #clock: Clock
  readonly #wallMs: () => number
  #verifier: Verifier | undefined
  #keys: KeySource | undefined

  constructor(
    private readonly settings: JwtSettings,
    private readonly dependencies: TokenCheckDependencies,
  ) {
    const { algorithms, issuer, audience, from, clock_tolerance_ms: toleranceMs } = settings
    this.#rules = { algorithms, issuer, audience, toleranceMs }
    this.#prefixes = from.flatMap((source) => (source.kind === "subprotocol" ? [source.prefix] : []))
    this.#removedQuery = queryNames(from)
    this.#clock = dependencies.clock
    this.#wallMs = dependencies.wallMs ?? Date.now
  }

  /**
   * Called once, before the first check. Begins to fetch the key set, without waiting for it. Rejects with
   * `SettingError` if a file can't be used.
   */
  async prepare(): Promise<void> {
    const { jwks_url, key_files, secret_file, algorithms } = this.settings
    const verifier = await Verifier.load()
    this.#verifier = verifier
    if (secret_file !== undefined) this.#keys = new FixedKeys(readSigningSecret(secret_file, algorithms))
    else if (key_files !== undefined) {
      const keys = readPublicKeys(key_files, algorithms)
      this.#keys = new FixedKeys(verifier.parseKeySet(JSON.stringify({ keys }), { byId: false }))
    } else if (jwks_url !== undefined) {
      const http = await HttpClient.load(this.#clock)
      // A query may contain a secret.
      const { origin, pathname } = new URL(jwks_url)
      const onFailure = (error: unknown) =>
        this.dependencies.onFailure?.(`the key set ${origin}${pathname} can't be fetched`, error)
      const keys = new RemoteKeys({ ...this.settings, jwks_url }, http, verifier, this.#clock, onFailure)
      this.#keys = keys
      void keys.fetch()
    }
  }

  /** Throws or rejects with `SessionEnd`: `no_token`, `bad_token` or `keys_unavailable`. */
  check(asked: AskedRequest): Grant | Promise<Grant> {
    const { from, max_token_bytes: maxBytes } = this.settings
    const token = findToken(from, asked.request)
    if (token === undefined) throw new SessionEnd("no_token", `expected in ${from.map(titleOf).join(" or ")}`)
    if (token.length > maxBytes) throw new SessionEnd("bad_token", `it is longer than ${maxBytes} bytes`)
    if (!COMPACT.test(token)) throw new SessionEnd("bad_token", "it is not a signed JWT")
    const key = token.length > MAX_KEY_LENGTH ? hash("sha256", token, "base64") : token
    const known = this.#verified.get(key, this.#clock.nowMs())
    if (known === undefined || known.keys !== this.#keys?.peek()) return this.#verify(token, key, asked)
    if (this.#wallMs() >= known.expiresAt) throw new SessionEnd("bad_token", "it has expired")
    return this.#grantTo(asked, known)
  }

  stop(): void {
    this.#keys?.stop()
    this.#verified.clear()
  }

  async #verify(token: string, key: string, asked: AskedRequest): Promise<Grant> {
    const [verifier, source] = [this.#verifier, this.#keys]
    if (verifier === undefined || source === undefined) {
      throw new SessionEnd("internal_error", "the token check is not prepared")
    }
    let keys = await source.get()
    const verify = () => verifier.verify(token, keys, this.#rules, this.#wallMs())
    const claims = await verify()
      .catch(async (error: unknown) => {
        if (!(error instanceof UnknownKeyError)) throw error
        keys = (await source.getNewer()) ?? keys
        return verify()
      })
      .catch((error: unknown) => {
        throw error instanceof UnknownKeyError ? new SessionEnd("bad_token", "its key is not known") : error
      })
    const { required_claims, claims_to_headers, close_at_expiry, clock_tolerance_ms } = this.settings
    checkRequiredClaims(claims, required_claims)
    const expiresAt = claims.exp * 1000 + clock_tolerance_ms
    const verified: Verified = {
      keys,
      expiresAt,
      grant: {
        edits: fieldsOfClaims(claims, claims_to_headers),
        ...(this.#removedQuery.length > 0 && { removedQuery: this.#removedQuery }),
        ...(close_at_expiry && { limits: { expiresAt } }),
      },
    }
    this.#verified.set(detach(key), verified, this.#clock.nowMs() + VERIFIED_MS)
    return this.#grantTo(asked, verified)
  }

  /** Offers of subprotocols differ from request to request, even if the token is the same. */
  #grantTo({ request: { fields } }: AskedRequest, { grant }: Verified): Grant {
    const kept = withoutTokenOffers(fields, this.#prefixes)
    return kept === fields ? grant : { ...grant, fields: kept }
  }
}
