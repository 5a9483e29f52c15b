import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import t, { type Test } from "tap"
import type { AskedRequest } from "../../lib/access/check.js"
import { TokenCheck, type TokenCheckDependencies } from "../../lib/access/jwt.js"
import { jwtSchema } from "../../lib/access/jwt-schema.js"
import { SessionEnd } from "../../lib/close-reason.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { asked } from "../support/access/asked.js"
import { startHttpService } from "../support/access/http-service.js"
import {
  CLAIMS,
  keySetOf,
  makeKey,
  NOW_S,
  rawToken,
  signToken,
  type TestKey,
} from "../support/access/tokens.js"
import { FakeClock } from "../support/clock/fake-clock.js"
import type { Fields } from "../support/http/heads.js"
import { deadAddress, startBackend } from "../support/peers/backend.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { rejectionOf } from "../support/project/thrown.js"

type Written = Parameters<typeof jwtSchema.parse>[0] & object

const KEY = makeKey("k1")
const RSA = makeKey("r1", "RS256")

/** Both clocks of a check; they stand still. */
class Times {
  readonly clock = new FakeClock()

  get dependencies(): TokenCheckDependencies {
    return { clock: this.clock, wallMs: () => NOW_S * 1000 + this.clock.nowMs() }
  }
}

async function prepared(t: Test, written: Written, times = new Times()): Promise<TokenCheck> {
  const check = new TokenCheck(jwtSchema.parse(written), times.dependencies)
  await check.prepare()
  t.teardown(() => check.stop())
  return check
}

function fileWith(t: Test, text: string): string {
  const path = join(socketFolder(t), "key")
  writeFileSync(path, text)
  return path
}

/** A check with these keys, in one file. */
function withKeys(t: Test, keys: readonly TestKey[], written: Written = {}, times?: Times) {
  return prepared(t, { key_files: [fileWith(t, keys.map(({ pem }) => pem).join(""))], ...written }, times)
}

function bearer(token: string, fields: Fields = {}): AskedRequest {
  return asked("/chat", { ...fields, Authorization: `Bearer ${token}` })
}

async function endOf(check: TokenCheck, request: AskedRequest): Promise<SessionEnd> {
  const error = await rejectionOf(() => check.check(request))
  if (error instanceof SessionEnd) return error
  throw new Error("it was let in, or failed otherwise", { cause: error })
}

t.test("a valid token lets the client in, and a second time without waiting", async (t) => {
  for (const key of [KEY, RSA, makeKey("e1", "EdDSA")]) {
    const check = await withKeys(t, [KEY, RSA, key])
    const request = bearer(await signToken(key))
    const first = check.check(request)
    t.ok(first instanceof Promise)
    const grant = await first
    t.equal(check.check(request), grant)
  }
})

t.test("a request without a token is told where it is expected", async (t) => {
  const check = await withKeys(t, [KEY], { from: ["header:Authorization", "query:token"] })
  const end = await endOf(check, asked())
  t.match(end, { reason: "no_token", status: 401 })
  t.match(end.message, /header:authorization or query:token$/)
})

const HEADER = { alg: "ES256", kid: "k1" }
/** Tokens that must be refused, with what is said. */
const attacks: Readonly<Record<string, { token: () => string | Promise<string>; says: RegExp }>> = {
  "alg none": { token: () => rawToken({ alg: "none" }, CLAIMS, ""), says: /not a signed JWT/ },
  "alg none with a signature": { token: () => rawToken({ alg: "none" }, CLAIMS), says: /algorithm/ },
  "alg None": { token: () => rawToken({ alg: "None" }, CLAIMS), says: /algorithm/ },
  "alg NONE": { token: () => rawToken({ alg: "NONE" }, CLAIMS), says: /algorithm/ },
  "alg nOnE": { token: () => rawToken({ alg: "nOnE" }, CLAIMS), says: /algorithm/ },
  "no alg": { token: () => rawToken({ kid: "k1" }, CLAIMS), says: /not a signed JWT/ },
  "alg that is a list": { token: () => rawToken({ alg: ["ES256"] }, CLAIMS), says: /not a signed JWT/ },
  "alg in another case": { token: () => rawToken({ alg: "es256" }, CLAIMS), says: /algorithm/ },
  "HS256 with the public key as secret": {
    token: async () => {
      const { SignJWT } = await import("jose")
      return new SignJWT(CLAIMS).setProtectedHeader({ alg: "HS256" }).sign(Buffer.from(RSA.pem))
    },
    says: /algorithm/,
  },
  "HS256 with the public key as secret, DER": {
    token: async () => {
      const { SignJWT } = await import("jose")
      const der = RSA.publicKey.export({ type: "spki", format: "der" })
      return new SignJWT(CLAIMS).setProtectedHeader({ alg: "HS256" }).sign(der)
    },
    says: /algorithm/,
  },
  "another key with a known ID": { token: () => signToken(makeKey("k1")), says: /signature/ },
  "another key that comes along": {
    token: () => {
      const own = makeKey("k1")
      return signToken(own, {}, { jwk: own.jwk as never })
    },
    says: /signature/,
  },
  "another key by jku": {
    token: () => signToken(makeKey("k1"), {}, { jku: "http://127.0.0.1:1/jwks.json" }),
    says: /signature/,
  },
  "another key by x5u": {
    token: () => signToken(makeKey("k1"), {}, { x5u: "http://127.0.0.1:1/cert.pem" }),
    says: /signature/,
  },
  "a key ID that is a path": {
    token: () => signToken(makeKey("../../../dev/null")),
    says: /signature/,
  },
  "a key ID that is SQL": { token: () => signToken(makeKey("x' UNION SELECT 'k")), says: /signature/ },
  "a key ID that is __proto__": { token: () => signToken(makeKey("__proto__")), says: /signature/ },
  "an unknown critical extension": {
    token: async () => {
      const { CompactSign } = await import("jose")
      const payload = Buffer.from(JSON.stringify(CLAIMS))
      const signer = new CompactSign(payload).setProtectedHeader({ ...HEADER, crit: ["x"], x: 1 })
      return signer.sign(KEY.privateKey, { crit: { x: true } })
    },
    says: /can't be verified/,
  },
  "a payload that is not encoded": {
    token: () => rawToken({ ...HEADER, b64: false, crit: ["b64"] }, CLAIMS),
    says: /.*/,
  },
  "another issuer": { token: () => signToken(KEY, { iss: "https://evil.example" }), says: /"iss" is not/ },
  "no issuer": { token: () => signToken(KEY, { iss: undefined as never }), says: /"iss" is missing/ },
  "another audience": { token: () => signToken(KEY, { aud: ["feed", "mail"] }), says: /"aud" is not/ },
  "no audience": { token: () => signToken(KEY, { aud: undefined as never }), says: /"aud" is missing/ },
  "expired by one second": { token: () => signToken(KEY, { exp: NOW_S - 1 }), says: /expired/ },
  "expired just now": { token: () => signToken(KEY, { exp: NOW_S }), says: /expired/ },
  "not valid yet": { token: () => signToken(KEY, { nbf: NOW_S + 1 }), says: /not valid yet/ },
  "no expiry": { token: () => signToken(KEY, { exp: undefined as never }), says: /"exp" is missing/ },
  "an expiry that is text": { token: () => signToken(KEY, { exp: "9999999999" as never }), says: /"exp"/ },
  "an expiry that is null": { token: () => signToken(KEY, { exp: null as never }), says: /"exp"/ },
  "claims that were changed": {
    token: async () => {
      const [header, , signature] = (await signToken(KEY)).split(".")
      const claims = Buffer.from(JSON.stringify({ ...CLAIMS, sub: "root" })).toString("base64url")
      return `${header}.${claims}.${signature}`
    },
    says: /signature/,
  },
  "a signature of zeros": {
    token: () => rawToken(HEADER, CLAIMS, Buffer.alloc(64).toString("base64url")),
    says: /signature/,
  },
  "claims that are a list": { token: () => rawToken(HEADER, [CLAIMS]), says: /.*/ },
  "a token that is too long": {
    token: () => signToken(KEY, { x: "x".repeat(6000) }),
    says: /longer than 4096 bytes/,
  },
  "two parts": { token: () => "a.b", says: /not a signed JWT/ },
  "five parts, as an encrypted token has": { token: () => "a.b.c.d.e", says: /not a signed JWT/ },
  "a token with spaces": { token: () => "a.b. c", says: /not a signed JWT/ },
  "two tokens with a comma": { token: () => "a.b.c, a.b.c", says: /not a signed JWT/ },
  "base64 in place of base64url": { token: () => "a+b/.c.d", says: /not a signed JWT/ },
  "dots only": { token: () => "..", says: /not a signed JWT/ },
  "no JSON": { token: () => "YQ.YQ.YQ", says: /not a signed JWT/ },
}

for (const [title, { token, says }] of Object.entries(attacks)) {
  t.test(`refused: ${title}`, async (t) => {
    const issuer = "https://login.example.com"
    const check = await withKeys(t, [KEY, RSA], { issuer, audience: "chat", max_token_bytes: 4096 })
    const text = await token()
    const end = await endOf(check, bearer(text))
    t.match(end, { reason: "bad_token", status: 401 })
    t.match(end.detail, says)
    for (const part of text.split(".")) if (part.length > 8) t.notMatch(end.message, part)
    t.equal((await endOf(check, bearer(text))).reason, "bad_token", "nor the second time")
  })
}

t.test("a public key in place of the secret of HS256 is no secret", async (t) => {
  const { error } = jwtSchema.safeParse({ key_files: ["a"], algorithms: ["RS256", "HS256"] })
  t.match(error?.issues, [{ path: ["algorithms"], message: "HS256 needs a secret_file" }])
})

t.test("tokens of a shared secret", async (t) => {
  const secret = "s".repeat(40)
  const check = await prepared(t, { secret_file: fileWith(t, `${secret}\n`) })
  const { SignJWT } = await import("jose")
  const sign = (text: string, alg = "HS256") =>
    new SignJWT(CLAIMS).setProtectedHeader({ alg }).sign(Buffer.from(text))
  t.ok(await check.check(bearer(await sign(secret))))
  t.match(await endOf(check, bearer(await sign("t".repeat(40)))), { detail: "its signature is wrong" })
  t.match(await endOf(check, bearer(await sign(secret.repeat(2), "HS512"))), { detail: /algorithm/ })
  t.match(await endOf(check, bearer(await signToken(KEY))), { detail: /algorithm/ })
})

t.test("clock_tolerance_ms moves both ends, also for a token that is remembered", async (t) => {
  const times = new Times()
  const check = await withKeys(t, [KEY], { clock_tolerance_ms: 2000, close_at_expiry: true }, times)
  const token = bearer(await signToken(KEY, { nbf: NOW_S + 2, exp: NOW_S + 10 }))
  t.same((await check.check(token)).limits, { expiresAt: (NOW_S + 12) * 1000 })
  times.clock.advance(11_999)
  t.ok(await check.check(token))
  times.clock.advance(1)
  t.match(await endOf(check, token), { reason: "bad_token", detail: "it has expired" })
  times.clock.advance(300_000)
  t.match(await endOf(check, token), { reason: "bad_token", detail: "it has expired" })
})

t.test("without close_at_expiry the tunnel outlives the token", async (t) => {
  const check = await withKeys(t, [KEY])
  t.equal((await check.check(bearer(await signToken(KEY)))).limits, undefined)
})

t.test("a token that hardly ever expires is one", async (t) => {
  const check = await withKeys(t, [KEY], { close_at_expiry: true })
  const grant = await check.check(bearer(await signToken(KEY, { exp: 1e300 })))
  t.same(grant.limits, { expiresAt: 1e303 })
})

t.test("claims become fields, and required claims are checked", async (t) => {
  const check = await withKeys(t, [KEY], {
    claims_to_headers: { sub: "X-User", roles: "X-Roles" },
    required_claims: { email_verified: true, scope: "chat" },
  })
  const good = { email_verified: true, scope: ["feed", "chat"] }
  const grant = await check.check(bearer(await signToken(KEY, good), { "X-Roles": "root" }))
  t.match(grant.edits, [
    { action: "set", name: "X-User", value: "ada" },
    { action: "remove", name: "X-Roles" },
  ])
  t.match(await endOf(check, bearer(await signToken(KEY))), {
    detail: 'its claim "email_verified" is missing',
  })
  const other = bearer(await signToken(KEY, { ...good, scope: "feed" }))
  t.match(await endOf(check, other), { detail: 'its claim "scope" is not the required one' })
  const forged = bearer(await signToken(KEY, { ...good, sub: "a\r\nX-Admin: 1" }))
  t.match(await endOf(check, forged), { reason: "bad_token" })
})

t.test("what may contain a token is removed, even if another place had it", async (t) => {
  const check = await withKeys(t, [KEY], {
    from: ["header:Authorization", "query:token", "query:jwt", "subprotocol:bearer."],
  })
  const token = await signToken(KEY)
  const fields = { Authorization: `Bearer ${token}`, "Sec-WebSocket-Protocol": `chat, bearer.${token}` }
  for (let round = 0; round < 2; round++) {
    const grant = await check.check(asked(`/chat?token=${token}`, fields))
    t.same(grant.removedQuery, ["token", "jwt"])
    t.notMatch(
      grant.fields?.filter(({ name }) => name !== "authorization"),
      token,
    )
    const plain = await check.check(bearer(token))
    t.equal(plain.fields, undefined, "nothing to remove")
  }
})

t.test("a key without ID serves tokens with one, and several keys of a kind are all tried", async (t) => {
  const keys = [makeKey("a"), makeKey("b"), makeKey("c")]
  const check = await withKeys(t, keys)
  for (const key of keys) {
    t.ok(await check.check(bearer(await signToken(key))))
    t.ok(await check.check(bearer(await signToken(key, {}, { kid: undefined as never }))))
  }
  t.match(await endOf(check, bearer(await signToken(makeKey("d")))), { detail: "its signature is wrong" })
})

t.test("key files may be PEM, a certificate, a JWK or a JWK set", async (t) => {
  const { makeTestCa } = await import("../support/peers/test-ca.js")
  const { createPrivateKey, createPublicKey } = await import("node:crypto")
  const { cert, key } = makeTestCa(t)
  const privateKey = createPrivateKey(key)
  const certified: TestKey = { ...KEY, privateKey, publicKey: createPublicKey(cert) }
  const files: [text: string, key: TestKey][] = [
    [KEY.pem, KEY],
    [JSON.stringify(KEY.jwk), KEY],
    [keySetOf(RSA, KEY), KEY],
    [`a comment\n${RSA.pem}${KEY.pem}`, KEY],
    [cert, certified],
  ]
  for (const [text, signer] of files) {
    const check = await prepared(t, { key_files: [fileWith(t, text)] })
    t.ok(await check.check(bearer(await signToken(signer))))
  }
})

t.test("a file that can't be used is refused in words, without what it holds", async (t) => {
  const { generateKeyPairSync } = await import("node:crypto")
  const pkcs8 = KEY.privateKey.export({ type: "pkcs8", format: "pem" }).toString()
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 })
  const oct = JSON.stringify({ kty: "oct", k: "aHVudGVyMmh1bnRlcjI" })
  const cases: [text: string, says: RegExp, written?: Written][] = [
    ["", /holds no key/],
    ["hello", /holds no key/],
    ["{}", /can't be parsed/],
    ['{"keys":[]}', /holds no key/],
    ["{hunter2", /not valid JSON/],
    [pkcs8, /holds a private key/],
    [JSON.stringify(KEY.privateKey.export({ format: "jwk" })), /holds a private key/],
    [oct, /holds a secret/],
    [KEY.pem.replace(/\n[A-Za-z]{4}/, "\nAAAA"), /can't be parsed/],
    [small.publicKey.export({ type: "spki", format: "pem" }).toString(), /1024 bits/],
    [KEY.pem, /type ec prime256v1, which none of the algorithms uses: RS256/, { algorithms: ["RS256"] }],
  ]
  for (const [text, says, written = {}] of cases) {
    const error = await rejectionOf(() => prepared(t, { key_files: [fileWith(t, text)], ...written }))
    t.ok(error instanceof SettingError)
    t.match(error, { message: says })
    t.notMatch(error, { message: /hunter2|aHVudGVy/ })
  }
  const missing = await rejectionOf(() => prepared(t, { key_files: ["/nowhere/key"] }))
  t.match(missing, { message: 'key_files "/nowhere/key" can\'t be read: there is no such file' })
  const device = await rejectionOf(() => prepared(t, { secret_file: "/dev/zero" }))
  t.match(device, { message: /not a regular file/ })
  const short = await rejectionOf(() => prepared(t, { secret_file: fileWith(t, "hunter2\n") }))
  t.match(short, { message: /holds 7 bytes: HS256 needs at least 32$/ })
})

t.test("settings that make no sense are refused in words", async (t) => {
  const cases: [written: object, path: string, says: RegExp][] = [
    [{}, "", /one of jwks_url, key_files and secret_file/],
    [{ jwks_url: "http://a", key_files: ["a"] }, "", /one of jwks_url/],
    [{ jwks_url: "file:///etc/passwd" }, "jwks_url", /not a URL/],
    [{ key_files: [] }, "key_files", /at least one/],
    [{ key_files: ["a"], algorithms: ["none"] }, "algorithms.0", /expected one of/],
    [{ key_files: ["a"], algorithms: [] }, "algorithms", /at least one/],
    [{ secret_file: "a", algorithms: ["RS256"] }, "algorithms", /needs public keys/],
    [{ jwks_url: "http://a", algorithms: ["HS256"] }, "algorithms", /needs a secret_file/],
    [{ key_files: ["a"], from: ["Authorization"] }, "from.0", /not a place of a token/],
    [{ key_files: ["a"], from: [] }, "from", /at least one/],
    [
      { key_files: ["a"], claims_to_headers: { sub: "Upgrade" } },
      "claims_to_headers.sub",
      /can't be changed/,
    ],
    [
      { key_files: ["a"], claims_to_headers: { sub: "X-U", n: "x_u" } },
      "claims_to_headers.n",
      /another claim/,
    ],
    [{ key_files: ["a"], required_claims: { a: {} } }, "required_claims.a", /expected text/],
    [{ key_files: ["a"], issuer: "" }, "issuer", /at least one/],
  ]
  for (const [written, path, says] of cases) {
    const [issue] = jwtSchema.safeParse(written).error?.issues ?? []
    t.equal(issue?.path.join("."), path, JSON.stringify(written))
    t.match(issue?.message, says)
  }
})

/** A check with the key set of a server that answers as `respond` says. */
async function withKeySet(t: Test, respond: () => [status: number, body: string], written: Written = {}) {
  const times = new Times()
  const service = await startHttpService(t, (_request, response) => {
    const [status, body] = respond()
    response.writeHead(status).end(body)
  })
  const check = await prepared(t, { jwks_url: `${service.origin}/jwks.json`, ...written }, times)
  return { check, service, ...times, clock: times.clock }
}

t.test("a key set is fetched once, and again when it is old, while the old one is used", async (t) => {
  const { check, service, clock } = await withKeySet(t, () => [200, keySetOf(KEY)], { jwks_ttl_ms: 50_000 })
  const request = bearer(await signToken(KEY))
  const [first, second] = await Promise.all([check.check(request), check.check(request)])
  t.ok(first && second)
  t.equal(service.requests.length, 1)
  clock.advance(49_999)
  t.notOk(check.check(request) instanceof Promise)
  t.equal(service.requests.length, 1)
  clock.advance(1)
  const asked = once(service.server, "request")
  t.notOk(check.check(request) instanceof Promise, "nobody waits for it")
  await asked
  t.equal(service.requests.length, 2)
})

t.test("a key that is withdrawn ends what was remembered of its tokens", async (t) => {
  let body = keySetOf(KEY)
  const { check, clock } = await withKeySet(t, () => [200, body], { jwks_ttl_ms: 1000, jwks_stale_ms: 0 })
  const request = bearer(await signToken(KEY))
  t.ok(await check.check(request))
  body = keySetOf(makeKey("k2"))
  clock.advance(1000)
  t.match(await endOf(check, request), { reason: "bad_token", detail: "its key is not known" })
})

t.test("a token of a new key is accepted at once, and made-up key IDs cause no storm", async (t) => {
  let keys = [KEY]
  const { check, service, clock } = await withKeySet(t, () => [200, keySetOf(...keys)])
  t.ok(await check.check(bearer(await signToken(KEY))))
  clock.advance(30_000)
  const next = makeKey("k2")
  keys = [KEY, next]
  t.ok(await check.check(bearer(await signToken(next))))
  t.equal(service.requests.length, 2)
  const strangers = await Promise.all(
    [..."abcdefghij"].map((kid) => signToken({ ...KEY, kid }, { exp: NOW_S + 1000 })),
  )
  for (const token of strangers)
    t.match(await endOf(check, bearer(token)), { detail: "its key is not known" })
  t.equal(service.requests.length, 2, "within 30 s of the last fetch")
  clock.advance(30_000)
  await Promise.all(strangers.map((token) => endOf(check, bearer(token))))
  t.equal(service.requests.length, 3, "one for all")
  t.ok(await check.check(bearer(await signToken(KEY, { exp: NOW_S + 1000 }))))
})

t.test("while the key set can't be fetched, the old one is used for jwks_stale_ms", async (t) => {
  let status = 200
  const { check, service, clock } = await withKeySet(t, () => [status, keySetOf(KEY)], {
    jwks_ttl_ms: 10_000,
    jwks_stale_ms: 50_000,
  })
  const request = bearer(await signToken(KEY, { exp: NOW_S + 1000 }))
  t.ok(await check.check(request))
  status = 500
  for (let count = 0; count < 10; count++) {
    clock.advance(5999)
    t.ok(await check.check(request), "remembered or verified with the old set")
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  clock.advance(10)
  t.match(await endOf(check, request), { reason: "keys_unavailable", status: 503 })
  t.ok(service.requests.length <= 5, `${service.requests.length} fetches`)
  status = 200
  clock.advance(1000)
  t.ok(await check.check(request))
})

const BAD_SETS: Readonly<Record<string, readonly [number, string]>> = {
  "is a 404": [404, keySetOf(KEY)],
  "is a redirect": [302, keySetOf(KEY)],
  "is HTML": [200, "<html>"],
  "is empty": [200, ""],
  "is a list": [200, "[]"],
  "is null": [200, "null"],
  "has no keys": [200, '{"keys":[]}'],
  "has keys that are none": [200, '{"keys":[1,null,"x",{}]}'],
  "has secrets only": [200, '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'],
  "has too many keys": [200, JSON.stringify({ keys: Array(101).fill(KEY.jwk) })],
  "is huge": [200, `${keySetOf(KEY)}${" ".repeat(300_000)}`],
}

for (const [title, response] of Object.entries(BAD_SETS)) {
  t.test(`a key set that ${title} lets nobody in, and is asked for once a second at most`, async (t) => {
    const { check, service, clock } = await withKeySet(t, () => [...response])
    const request = bearer(await signToken(KEY))
    for (let count = 0; count < 5; count++) {
      const end = await endOf(check, request)
      t.equal(end.reason, "keys_unavailable")
      t.notMatch(end.message, /127\.0\.0\.1|jwks/)
      t.ok(end.cause instanceof Error)
    }
    t.equal(service.requests.length, 1)
    clock.advance(1000)
    await endOf(check, request)
    t.equal(service.requests.length, 2)
  })
}

t.test("a key in the set that can't be used does no harm to the others", async (t) => {
  const broken = { kty: "EC", crv: "P-256", kid: "x", x: "AAAA", y: "AAAA", alg: "ES256" }
  const set = JSON.stringify({ keys: [broken, { kty: "EC" }, { kty: "quantum" }, KEY.jwk] })
  const { check } = await withKeySet(t, () => [200, set])
  t.ok(await check.check(bearer(await signToken(KEY))))
  t.match(await endOf(check, bearer(await signToken({ ...KEY, kid: "x" }))), { reason: "bad_token" })
  const withSecret = JSON.stringify({ keys: [{ kty: "oct", k: "c2VjcmV0", kid: "k1" }, KEY.jwk] })
  const { check: other } = await withKeySet(t, () => [200, withSecret])
  t.ok(await other.check(bearer(await signToken(KEY))))
})

t.test("a private key in the set serves as a public one at most", async (t) => {
  const jwk = { ...KEY.privateKey.export({ format: "jwk" }), kid: "k1" }
  const { check } = await withKeySet(t, () => [200, JSON.stringify({ keys: [jwk] })])
  t.match(await endOf(check, bearer(await signToken(KEY))), { reason: "bad_token" })
})

t.test("a key set that flips between two keys is followed, and fetched at most every 30 s", async (t) => {
  const other = makeKey("k2")
  let fetched = 0
  const { check, service, clock } = await withKeySet(t, () => [
    200,
    keySetOf(fetched++ % 2 === 0 ? KEY : other),
  ])
  const tokens = await Promise.all([signToken(KEY), signToken(other)])
  for (let round = 0; round < 6; round++) {
    const results = await Promise.all(
      tokens.map((token) =>
        rejectionOf(() => check.check(bearer(token))).then((error) => error === undefined),
      ),
    )
    t.ok(results.includes(true))
    clock.advance(1000)
  }
  t.equal(service.requests.length, 1)
})

t.test("an issuer that hangs has a deadline, for all that wait together", async (t) => {
  const service = await startBackend(t)
  const times = new Times()
  const written = { jwks_url: `http://${service.address}/`, jwks_timeout_ms: 3000 }
  const check = await prepared(t, written, times)
  const request = bearer(await signToken(KEY))
  const ends = Promise.all(Array.from({ length: 20 }, () => endOf(check, request)))
  await (await service.peer()).untilText("\r\n\r\n")
  times.clock.advance(3000)
  t.ok((await ends).every(({ reason }) => reason === "keys_unavailable"))
  t.equal(service.peers.length, 1)
})

t.test("a failing issuer is reported, and does not keep the proxy from starting", async (t) => {
  const failures: string[] = []
  const url = `http://${await deadAddress()}/jwks.json?key=hunter2`
  const reported = new Promise<unknown>((resolve) => {
    const onFailure = (message: string, error: unknown) => {
      failures.push(message)
      resolve(error)
    }
    const check = new TokenCheck(jwtSchema.parse({ jwks_url: url }), {
      ...new Times().dependencies,
      onFailure,
    })
    t.teardown(() => check.stop())
    void check.prepare()
  })
  t.ok(await reported)
  t.same(failures, [`the key set ${url.replace("?key=hunter2", "")} can't be fetched`])
})
