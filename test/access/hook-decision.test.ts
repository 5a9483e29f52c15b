/** What a hook may return: anything that it might not have meant lets nobody in. */
import t from "tap"
import { AuthorizeHook } from "../../lib/access/authorize-hook.js"
import { Refusal } from "../../lib/access/hook.js"
import { SessionEnd } from "../../lib/close-reason.js"
import { LocateHook } from "../../lib/registry/locate-hook.js"
import { systemClock } from "../../lib/shared/clock.js"
import { asked, Wait } from "../support/access/asked.js"
import { rejectionOf } from "../support/project/thrown.js"

const TIMING = { timeoutMs: 5000, clock: systemClock }

const PLACES = {
  poolNamed: () => undefined,
  runtimeOf: () => {
    throw new Error("not a pool")
  },
  endpointAt: () => {
    throw new Error("not an address")
  },
}

async function authorize(decided: unknown) {
  return new AuthorizeHook(() => decided as boolean, TIMING).check(asked(), new Wait())
}

async function locate(decided: unknown) {
  const hook = new LocateHook(() => decided as undefined, TIMING, PLACES, undefined, undefined)
  return hook.locate(asked(), "/chat", new Wait())
}

class Changes {
  readonly headers = {}
}

/** For both hooks. */
const WRONG: Readonly<Record<string, unknown>> = {
  "0": 0,
  "1": 1,
  NaN: Number.NaN,
  "a bigint of 0": 0n,
  null: null,
  "an empty text": "",
  "a text": "user",
  "an empty list": [],
  "a list": [{ headers: {} }],
  "a function": () => true,
  "a symbol": Symbol("yes"),
  "a map": new Map([["headers", {}]]),
  "an object of a class": new Changes(),
  "an error": new Error("no"),
  "a Refusal that was not thrown": new Refusal(403),
  "a URL": new URL("ws://127.0.0.1:1"),
  "a misspelt key": { header: { remove: ["Cookie"] } },
  "a key of a refusal": { status: 403 },
  "headers: null": { headers: null },
  "headers: a list": { headers: ["Cookie"] },
  "headers: fields without set": { headers: { "X-User": "ada" } },
  "headers: a Headers": { headers: new Headers({ "X-User": "ada" }) },
  "headers.set: null": { headers: { set: null } },
  "headers.set: a list": { headers: { set: [["X-User", "ada"]] } },
  "headers.set: a map": { headers: { set: new Map([["X-User", "ada"]]) } },
  "headers.set: a value that is undefined": { headers: { set: { "X-User": undefined } } },
  "headers.set: a value that is null": { headers: { set: { "X-User": null } } },
  "headers.set: a number": { headers: { set: { "X-User": 7 } } },
  "headers.set: a list of values": { headers: { set: { "X-User": ["ada"] } } },
  "headers.remove: a name": { headers: { remove: "Cookie" } },
  "headers.remove: a set": { headers: { remove: new Set(["Cookie"]) } },
  "headers.remove: a number": { headers: { remove: [1] } },
  "limits: a number": { limits: 1000 },
  "limits: null": { limits: null },
  "limits: a misspelt key": { limits: { idleTimeout: 1000 } },
  "limits: a key of the file": { limits: { idle_timeout_ms: 1000 } },
  "limits: a text": { limits: { idleTimeoutMs: "1000" } },
  "limits: null for one": { limits: { maxLifetimeMs: null } },
  "limits: NaN": { limits: { maxLifetimeMs: Number.NaN } },
  "limits: expiresAt as text": { limits: { expiresAt: "2030-01-01" } },
  "limits: expiresAt null": { limits: { expiresAt: null } },
  "limits: expiresAt that is no date": { limits: { expiresAt: new Date("x") } },
}

const WRONG_LOCATIONS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  "the text of a URL": "ws://127.0.0.1:1",
  "a misspelt key of a location": { uri: "ws://127.0.0.1:1" },
  "pool: null": { pool: null },
  "pool: 0": { pool: 0 },
  "pool: false": { pool: false },
  "pool: an empty text": { pool: "" },
  "pool: a list of backends": { pool: ["127.0.0.1:1"] },
  "backend: null": { backend: null },
  "backend: a list": { backend: ["127.0.0.1:1"] },
  "url: null": { url: null },
  "url: an empty text": { url: "" },
  "url: an object": { url: { href: "ws://127.0.0.1:1" } },
  "path: null": { path: null },
  "path: a number": { path: 1 },
  "endpoint: an object": { endpoint: {} },
}

const hooks = [
  { name: "authorize", decide: authorize, wrong: WRONG },
  { name: "locate", decide: locate, wrong: { ...WRONG, ...WRONG_LOCATIONS } },
]

for (const { name, decide, wrong } of hooks) {
  for (const [what, decided] of Object.entries(wrong)) {
    t.test(`${name} fails if it returns ${what}`, async (t) => {
      const error = await rejectionOf(() => decide(decided))
      if (!(error instanceof SessionEnd)) throw new Error("it went through", { cause: error })
      t.match(error, { reason: "hook_failed", status: 500 })
    })
  }
}

const RIGHT: Readonly<Record<string, unknown>> = {
  nothing: undefined,
  "no changes": {},
  "a table without a prototype": Object.assign(Object.create(null), { headers: {} }),
  "keys that are undefined": { headers: undefined, limits: undefined },
  "headers without rules": { headers: { set: undefined, remove: [] } },
  "limits as numbers and a date": { limits: { idleTimeoutMs: 0, expiresAt: new Date(1) } },
}

for (const { name, decide } of hooks) {
  for (const [what, decided] of Object.entries(RIGHT)) {
    t.test(`${name} may return ${what}`, async (t) => {
      t.ok(await decide(decided))
    })
  }
}

t.test("the cause says what was wrong, without any values", async (t) => {
  const cases: [decided: unknown, says: string][] = [
    [
      0,
      "locate returned a number: expected a plain object with pool, backend, url, path, endpoint, headers, limits",
    ],
    [null, "locate returned null: expected a plain object"],
    [new Refusal(403, "hunter2"), "locate returned an instance of Refusal: expected a plain object"],
    [
      { header: {} },
      'locate returned the unknown key "header": expected pool, backend, url, path, endpoint, headers, limits',
    ],
    [
      { headers: { set: { "X-Key": 1234 } } },
      'locate returned a number as "headers.set.X-Key": expected text',
    ],
    [{ headers: { remove: ["A", null] } }, 'locate returned null as "headers.remove.1": expected text'],
  ]
  for (const [decided, says] of cases) {
    const error = await rejectionOf(() => locate(decided))
    const cause = error instanceof SessionEnd ? String(error.cause) : ""
    t.ok(cause.startsWith(`TypeError: ${says}`), cause)
  }
})
