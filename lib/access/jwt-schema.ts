/** The keys of `jwt`: signed tokens (RFC 7519) that clients must send. */
import { z } from "zod"
import { checkHttpUrl } from "../settings/http-url.js"
import { checkedText, deadlineMs, listOf, oneOf, optionalMs, parsedText, whole } from "../settings/kinds.js"
import { toFieldEdits } from "../upgrade/field-rules.js"
import type { Entries, RequiredClaim } from "./claims.js"
import { parseTokenSource } from "./token-source.js"

const ASYMMETRIC = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const
const SYMMETRIC = ["HS256", "HS384", "HS512"] as const

const algorithm = oneOf([...ASYMMETRIC, ...SYMMETRIC])
export type Algorithm = z.output<typeof algorithm>

const path = z.string("expected the path of a file").min(1, "expected the path of a file")
const text = z.string("expected text").min(1, "expected at least one character")
const textOrList = (expected: string) =>
  text.or(listOf(text, expected)).transform((values): readonly string[] => [values].flat())
const requiredClaim = z.union(
  [text, z.number(), z.boolean()],
  'expected text, a number, false, or true for "present and not false"',
)

/** The keys of `[ws_proxy.jwt]`. */
export const jwtSchema = z
  .strictObject(
    {
      jwks_url: checkedText(checkHttpUrl, 'expected a URL, as in "https://login.example.com/jwks.json"')
        .optional()
        .describe(
          "URL of the issuer's key set (RFC 7517). One of `jwks_url`, `key_files` and `secret_file` is required",
        )
        .meta({
          flag: false,
          ifAbsent: "none",
          example: "https://login.example.com/.well-known/jwks.json",
          otherNames: "auth_jwt_key_request jwksUri remote_jwks jwks_uri",
        }),
      key_files: listOf(path, 'expected a list of files, as in ["/etc/rws/issuer.pem"]')
        .optional()
        .describe("Files with public keys: PEM (public key or certificate), JWK or JWK set")
        .meta({
          ifAbsent: "none",
          example: ["/etc/rws/issuer.pem"],
          otherNames: "auth_jwt_key_file public_key signing_key local_jwks jwks",
        }),
      secret_file: path
        .optional()
        .describe("File with the secret of HS256, HS384 or HS512; a line break at its end does not count")
        .meta({
          flag: false,
          ifAbsent: "none",
          example: "/etc/rws/jwt.secret",
          otherNames: "secret sign_key",
        }),
      algorithms: listOf(algorithm, 'expected a list of algorithms, as in ["RS256"]')
        .optional()
        .describe("The only algorithms that a token may be signed with; `none` is never accepted")
        .meta({
          ifAbsent: "all with public keys, or HS256 with secret_file",
          example: ["RS256"],
          otherNames: "alg algorithm signingMethod",
        }),
      issuer: textOrList("expected an issuer or a list of issuers")
        .optional()
        .describe("Issuer or list of issuers that a token must come from (`iss`)")
        .meta({ ifAbsent: "any", example: ["https://login.example.com"], otherNames: "iss issuers" }),
      audience: textOrList("expected an audience or a list of audiences")
        .optional()
        .describe("Audience or list of audiences, one of which a token must be for (`aud`)")
        .meta({ ifAbsent: "any", example: ["chat"], otherNames: "aud audiences" }),
      clock_tolerance_ms: optionalMs
        .max(600_000, "expected at most 600000, ten minutes")
        .default(0)
        .describe("How far the issuer's clock and this one may differ when `exp` and `nbf` are checked")
        .meta({ flag: false, otherNames: "leeway clock_skew clock_skew_seconds auth_jwt_leeway" }),
      from: listOf(
        parsedText(parseTokenSource, 'expected a place of a token, as in "header:Authorization"'),
        'expected a list, as in ["header:Authorization"]',
      )
        .prefault(["header:Authorization"])
        .describe(
          "Where a token may be, tried in order: `header:Authorization` (after `Bearer`), another `header:NAME`, `cookie:NAME`, `query:NAME`, `subprotocol:PREFIX`; the backend never sees the last two",
        )
        .meta({
          example: ["header:Authorization", "subprotocol:bearer."],
          otherNames: "token_source from_headers from_params from_cookies from_query from_header auth_jwt",
        }),
      required_claims: z
        .record(z.string(), requiredClaim, 'expected a table, as in { scope = "chat" }')
        .transform((claims): Entries<RequiredClaim> => Object.entries(claims))
        .prefault({})
        .describe(
          "Claims that a token must have: with this value, or a list (or a `scope`) that contains it; `true` for any value but `false` and empty",
        )
        .meta({
          ifAbsent: "none",
          example: { role: "chat", email_verified: true },
          otherNames: "auth_jwt_require",
        }),
      claims_to_headers: z
        .record(
          z.string(),
          checkedText(checkFieldOfClaim, "expected the name of a field"),
          'expected a table, as in { sub = "X-User" }',
        )
        .superRefine(checkNamesDiffer)
        .transform((names): Entries<string> => Object.entries(names))
        .prefault({})
        .describe(
          "Fields that the backend gets, by claim: text in UTF-8, numbers, booleans and lists of them; those of these names that the client has sent are always removed",
        )
        .meta({
          ifAbsent: "none",
          example: { sub: "X-User", roles: "X-Roles" },
          otherNames: "claim_to_headers meta_claims auth_jwt_claim_set",
        }),
      close_at_expiry: z
        .boolean("expected true or false")
        .default(false)
        .describe("End the tunnel when its token expires: reason `token_expired`, Close code 1008")
        .meta({ flag: false, otherNames: "close_on_expiry" }),
      max_token_bytes: whole(64, 65_536)
        .default(8192)
        .describe("Longest token; `max_head_bytes` limits it too")
        .meta({ flag: false }),
      jwks_ttl_ms: deadlineMs
        .default(600_000)
        .describe(
          "How long a key set is used before it is fetched again; a token with an unknown key ID fetches it earlier, at most every 30 s",
        )
        .meta({ flag: false, otherNames: "cache_duration cacheMaxAge auth_jwt_key_cache refresh_interval" }),
      jwks_stale_ms: optionalMs
        .default(3_600_000)
        .describe("For how much longer it is used while it can't be fetched; 0 = not at all")
        .meta({ flag: false, otherNames: "stale_while_error" }),
      jwks_timeout_ms: deadlineMs
        .default(5000)
        .describe("Deadline for fetching a key set")
        .meta({ flag: false, otherNames: "timeoutDuration" }),
    },
    "expected a table, as in [ws_proxy.jwt]",
  )
  .superRefine(({ jwks_url, key_files, secret_file, algorithms = [] }, context) => {
    const fault = (key: string | undefined, message: string) =>
      context.addIssue({ code: "custom", path: key === undefined ? [] : [key], message })
    const given = [jwks_url, key_files, secret_file].filter((one) => one !== undefined)
    if (given.length !== 1) fault(undefined, "expected one of jwks_url, key_files and secret_file")
    // A public key is no secret: whoever signs with it by HS256 must not get in.
    const isSecret = secret_file !== undefined
    const wrong = algorithms.filter((name) => isSymmetric(name) !== isSecret)
    if (given.length === 1 && wrong.length > 0) {
      const needs = isSecret ? "needs public keys: jwks_url or key_files" : "needs a secret_file"
      fault("algorithms", `${wrong.join(", ")} ${needs}`)
    }
  })
  .transform((settings) => ({
    ...settings,
    algorithms: settings.algorithms ?? defaultAlgorithms(settings.secret_file !== undefined),
  }))

export type JwtSettings = Readonly<z.output<typeof jwtSchema>>

export function isSymmetric(name: Algorithm): boolean {
  return name.startsWith("HS")
}

function defaultAlgorithms(isSecret: boolean): Algorithm[] {
  return isSecret ? ["HS256"] : [...ASYMMETRIC]
}

function checkFieldOfClaim(name: string): void {
  toFieldEdits({ remove: [name] })
}

function checkNamesDiffer(names: Readonly<Record<string, string>>, context: z.RefinementCtx): void {
  const seen = new Set<string>()
  for (const [claim, name] of Object.entries(names)) {
    const key = name.toLowerCase().replace(/[^a-z0-9]/g, "-")
    if (seen.has(key)) {
      context.addIssue({
        code: "custom",
        path: [claim],
        message: `another claim is written as "${name}" too`,
      })
    }
    seen.add(key)
  }
}
