import t from "tap"
import { fromHash, toHash } from "../../lib/registry/endpoint-hash.js"
import type { EndpointEntry } from "../../lib/registry/endpoint-schema.js"

const ENTRIES: readonly EndpointEntry[] = [
  { url: "ws://chat.example" },
  { url: "ws://chat.example", active: false },
  {
    url: "ws://chat.example",
    active: true,
    fields: { "X-A": "1" },
    allowed_origins: ["https://a.example"],
    max_connections: 7,
  },
]

for (const entry of ENTRIES) {
  t.test(`${JSON.stringify(entry)} is the same after its way through a hash`, async (t) => {
    t.same(fromHash(toHash(entry)), entry)
  })
}

t.test("an empty hash is no entry", async (t) => {
  t.equal(fromHash({}), undefined)
})

t.test("origins may be a list with commas, and flags may be digits", async (t) => {
  t.same(fromHash({ url: "u", active: "1", allowed_origins: "https://a.example, https://b.example" }), {
    url: "u",
    active: true,
    allowed_origins: ["https://a.example", "https://b.example"],
  })
})

t.test("what is not understood is kept for the check of the entry", async (t) => {
  const hash = { active: "maybe", max_connections: "1e3", fields: "{", other: "x" }
  t.same(fromHash(hash), hash)
})
