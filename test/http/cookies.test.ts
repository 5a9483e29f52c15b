import t from "tap"
import { cookiesOf } from "../../lib/http/cookies.js"
import { isToken } from "../../lib/http/head.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { between, oneOf, seededRandom, textOf } from "../support/project/random.js"

function cookies(name: string, ...values: string[]): string[] {
  return cookiesOf(poolRequest("/", ...values.map((value) => ["Cookie", value] as const)).fields, name)
}

const CASES: { what: string; values: string[]; found: string[] }[] = [
  { what: "no Cookie field", values: [], found: [] },
  { what: "one cookie", values: ["a=1"], found: ["1"] },
  { what: "a cookie among others", values: ["x=0; a=1; y=2"], found: ["1"] },
  { what: "two of one name, in order", values: ["a=1; b=0; a=2"], found: ["1", "2"] },
  { what: "several Cookie fields", values: ["a=1", "b=0", "a=2"], found: ["1", "2"] },
  { what: "no space behind the semicolon", values: ["x=0;a=1;y=2"], found: ["1"] },
  { what: "more blanks than there should be", values: ["x=0 ;\t a \t=  1\t ; y=2"], found: ["1"] },
  { what: "an empty value", values: ["a="], found: [""] },
  { what: "equals signs in the value", values: ["a=b=c=="], found: ["b=c=="] },
  { what: "quotes, which belong to the value", values: ['a="1"'], found: ['"1"'] },
  { what: "a name in another case", values: ["A=1"], found: [] },
  { what: "a longer name", values: ["aa=1; ba=2; a.b=3; a =4"], found: ["4"] },
  { what: "a name without a value", values: ["a; a=1; a"], found: ["1"] },
  { what: "a value without a name", values: ["=a; a=1"], found: ["1"] },
  { what: "nothing between semicolons", values: [";;; ;a=1;;"], found: ["1"] },
  { what: "commas, which part nothing", values: ["x=0, a=1; a=2,3"], found: ["2,3"] },
  {
    what: "UTF-8 whose last byte looks like a blank",
    values: ["a=\xc3\xa0; b=0"],
    found: ["\xc3\xa0"],
  },
  { what: "an empty field", values: [""], found: [] },
]

for (const { what, values, found } of CASES) {
  t.test(`the cookie "a" is found with ${what}`, async (t) => t.same(cookies("a", ...values), found))
}

t.test("cookies are read from Cookie fields only", async (t) => {
  t.same(cookiesOf(poolRequest("/", ["Set-Cookie", "a=1"], ["Cookie2", "a=2"]).fields, "a"), [])
})

t.test("random text never makes it throw or hides the cookie in it", async (t) => {
  const random = seededRandom(1)
  for (let round = 0; round < 2000; round++) {
    const odd = () => textOf(random, 'ab=,; \t"\\\x80\xa0\xff', 0, 20)
    const value = textOf(random, "0123456789=,", 0, 5)
    const text = `${odd()};${oneOf(random, ["", " ", "\t "])}needle=${value};${odd()}`
    t.same(cookies("needle", text), [value], JSON.stringify(text))
  }
})

t.test("long fields without delimiters are scanned only once", async (t) => {
  for (const text of [" ".repeat(2e6), ";".repeat(2e6), "=".repeat(2e6), `a=${" ".repeat(2e6)}x`]) {
    t.ok(cookies("a", text).length <= 1)
  }
})

for (const name of ["sid", "__Host-sid", "a.b_c~d", "!#$%&'*+-.^_`|~"]) {
  t.test(`"${name}" is a valid cookie name`, async (t) => t.equal(isToken(name), true))
}

for (const name of ["", "a b", "a=b", "a;b", "a,b", "a\r\nb", "a\n", "ä", '"a"', "a\0"]) {
  t.test(`${JSON.stringify(name)} is not a valid cookie name`, async (t) => t.equal(isToken(name), false))
}

t.test("any mix of token characters is a token, and any other byte breaks it", async (t) => {
  const random = seededRandom(2)
  for (let round = 0; round < 500; round++) {
    const name = textOf(random, "azAZ09!#$%&'*+-.^_`|~", 1, 10)
    const place = between(random, 0, name.length)
    t.equal(isToken(name), true)
    t.equal(
      isToken(name.slice(0, place) + oneOf(random, [" ", ";", "=", "\r", "\x7f"]) + name.slice(place)),
      false,
    )
  }
})
