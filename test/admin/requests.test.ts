import t from "tap"
import { membersOf, toLevel, toSessionQuery, toText, toWeight } from "../../lib/admin/requests.js"
import { thrownBy } from "../support/project/thrown.js"

t.test("a query without parameters asks for the oldest 100 sessions", async (t) => {
  t.strictSame(
    { ...toSessionQuery(new URLSearchParams()) },
    {
      listener: undefined,
      pool: undefined,
      backend: undefined,
      client: undefined,
      stage: undefined,
      sort: "ageMs",
      descending: true,
      limit: 100,
      offset: 0,
    },
  )
})

t.test("filters, sort and page are read", async (t) => {
  const query = toSessionQuery(
    new URLSearchParams("pool=chat&client=192.0.2&stage=&sort=bytesFromClient&limit=1000&offset=4000"),
  )
  t.match(query, {
    pool: "chat",
    client: "192.0.2",
    sort: "bytesFromClient",
    descending: false,
    limit: 1000,
    offset: 4000,
  })
  t.equal(query.stage, undefined, "an empty filter is none")
})

const refused: readonly (readonly [string, RegExp])[] = [
  ["limit=0", /^limit: expected a whole number from 1 to 1000$/],
  ["limit=1001", /^limit: /],
  ["limit=1e2", /^limit: /],
  ["limit=", /^limit: /],
  ["offset=4001", /^offset: expected a whole number from 0 to 4000$/],
  ["offset=-1", /^offset: /],
  ["sort=secret", /^sort: expected one of ageMs, /],
  ["sort=--ageMs", /^sort: /],
  ["page=2", /^unknown parameter "page"/],
]

for (const [query, message] of refused) {
  t.test(`the query ${query} is refused`, async (t) => {
    t.match(
      thrownBy(() => toSessionQuery(new URLSearchParams(query))),
      { status: 400, message },
    )
  })
}

const bodies: readonly (readonly [string, () => unknown])[] = [
  ["no body", () => membersOf(undefined, ["weight"])],
  ["a list", () => membersOf([], ["weight"])],
  ["an unknown member", () => membersOf({ weigth: 2 }, ["weight"])],
  ["a weight as text", () => toWeight("2")],
  ["a fraction of a weight", () => toWeight(1.5)],
  ["an empty text", () => toText("", "address")],
  ["a number for a text", () => toText(1, "address")],
  ["an unknown level", () => toLevel("loud")],
]

for (const [title, read] of bodies) {
  t.test(`${title} is refused`, async (t) => {
    t.match(thrownBy(read), { status: 400 })
  })
}
