import t from "tap"
import { checkRequiredClaims, fieldsOfClaims, type RequiredClaim } from "../../lib/access/claims.js"
import { SessionEnd } from "../../lib/close-reason.js"
import { thrownBy } from "../support/project/thrown.js"

const required: { claim: unknown; wanted: RequiredClaim; isMet: boolean }[] = [
  { claim: "chat", wanted: "chat", isMet: true },
  { claim: "Chat", wanted: "chat", isMet: false },
  { claim: ["feed", "chat"], wanted: "chat", isMet: true },
  { claim: ["feed"], wanted: "chat", isMet: false },
  { claim: { chat: true }, wanted: "chat", isMet: false },
  { claim: 3, wanted: 3, isMet: true },
  { claim: "3", wanted: 3, isMet: false },
  { claim: false, wanted: false, isMet: true },
  { claim: undefined, wanted: false, isMet: false },
  { claim: true, wanted: true, isMet: true },
  { claim: "yes", wanted: true, isMet: true },
  { claim: 0, wanted: true, isMet: true },
  { claim: false, wanted: true, isMet: false },
  { claim: "", wanted: true, isMet: false },
  { claim: [], wanted: true, isMet: false },
  { claim: null, wanted: true, isMet: false },
  { claim: undefined, wanted: true, isMet: false },
]

for (const { claim, wanted, isMet } of required) {
  t.test(`${JSON.stringify(claim)} ${isMet ? "meets" : "does not meet"} ${wanted}`, async (t) => {
    const error = thrownBy(() => checkRequiredClaims({ x: claim }, [["x", wanted]]))
    if (isMet) t.equal(error, undefined)
    else {
      t.ok(error instanceof SessionEnd)
      t.match(error, { reason: "bad_token" })
    }
  })
}

t.test("a scope is a list with spaces in between", async (t) => {
  for (const scope of ["chat", "feed chat", "chat feed"]) {
    checkRequiredClaims({ scope }, [["scope", "chat"]])
  }
  for (const scope of ["chatter", "feed", "Chat", "chat,feed", ""]) {
    t.ok(
      thrownBy(() => checkRequiredClaims({ scope }, [["scope", "chat"]])),
      scope,
    )
  }
  t.ok(thrownBy(() => checkRequiredClaims({ other: "feed chat" }, [["other", "chat"]])))
})

t.test("a scope without any member is empty", async (t) => {
  for (const scope of ["", " ", "   ", []]) {
    t.match(
      thrownBy(() => checkRequiredClaims({ scope }, [["scope", true]])),
      { reason: "bad_token" },
    )
  }
  for (const scope of ["chat", " chat ", "a b"]) checkRequiredClaims({ scope }, [["scope", true]])
})

t.test("a scope may be required as a whole", async (t) => {
  checkRequiredClaims({ scope: "feed chat" }, [["scope", "feed chat"]])
  for (const scope of ["chat feed", "feed chat more", "feed", "feed  chat"]) {
    t.ok(
      thrownBy(() => checkRequiredClaims({ scope }, [["scope", "feed chat"]])),
      scope,
    )
  }
})

t.test("a claim that every object inherits is not there", async (t) => {
  for (const name of ["constructor", "__proto__", "toString"]) {
    t.ok(thrownBy(() => checkRequiredClaims({}, [[name, true]])))
    t.match(fieldsOfClaims({}, [[name, "X-User"]]), [{ action: "remove" }])
  }
})

const written: { claim: unknown; value: string | undefined }[] = [
  { claim: "ada", value: "ada" },
  { claim: "ada lovelace; q=1", value: "ada lovelace; q=1" },
  { claim: 42, value: "42" },
  { claim: false, value: "false" },
  { claim: ["a", "b", 3], value: "a,b,3" },
  { claim: "Žofie", value: "\xc5\xbdofie" },
  { claim: "", value: "" },
  { claim: null, value: "" },
  { claim: undefined, value: "" },
  { claim: [], value: "" },
  { claim: ["a,b"], value: undefined },
  { claim: ["a", ""], value: undefined },
  { claim: ["a", null], value: undefined },
  { claim: [["a"]], value: undefined },
  { claim: { a: 1 }, value: undefined },
  { claim: "a\r\nX-Admin: 1", value: undefined },
  { claim: "a\nb", value: undefined },
  { claim: "a\0", value: undefined },
  { claim: "a\x7f", value: undefined },
  { claim: "a\x85b", value: undefined },
  { claim: "admin ", value: undefined },
  { claim: "\u00a0admin", value: undefined },
  { claim: "\ud800", value: undefined },
]

for (const { claim, value } of written) {
  const title = `${JSON.stringify(claim)} is ${value === undefined ? "refused" : `written as ${JSON.stringify(value)}`}`
  t.test(title, async (t) => {
    const write = () => fieldsOfClaims({ sub: claim }, [["sub", "X-User"]])
    if (value === undefined) t.match(thrownBy(write), { reason: "bad_token" })
    else t.match(write(), [{ action: value === "" ? "remove" : "set", name: "X-User", value }])
  })
}
