import t from "tap"
import { listenerIdentities, routeIdentities } from "../../lib/config/identities.js"
import type { ListenerConfig } from "../../lib/config/listener-schema.js"

type Routes = NonNullable<ListenerConfig["route"]>

const listeners: { title: string; one: [string, string?][]; other: [string, string?][]; same: boolean[] }[] =
  [
    { title: "a name", one: [["a:1", "x"]], other: [["a:1", "y"]], same: [true] },
    { title: "an address", one: [["a:1", "x"]], other: [["a:2", "x"]], same: [false] },
    {
      title: "the order",
      one: [["a:1"], ["unix:/a"]],
      other: [["unix:/a"], ["a:1"]],
      same: [true, true],
    },
    { title: "the name on port 0", one: [["a:0", "x"]], other: [["a:0", "y"]], same: [false] },
    {
      title: "the name's place on port 0",
      one: [["a:0"], ["a:0", "x"]],
      other: [["a:0", "x"]],
      same: [false, true],
    },
    { title: "nothing on port 0", one: [["a:0"], ["a:0"]], other: [["a:0"], ["a:0"]], same: [true, true] },
  ]

for (const { title, one, other, same } of listeners) {
  t.test(`after a change of ${title}, listeners that stay the same: ${same.join(", ")}`, async (t) => {
    const [before = [], after = []] = [one, other].map((listeners) =>
      listenerIdentities(listeners.map(([bind, name]) => ({ bind, name, backends: ["b:1"] }))),
    )
    t.same(
      before.map((identity) => after.includes(identity)),
      same,
    )
    t.equal(new Set(before).size, before.length, "each is another one")
  })
}

const routes: { title: string; one: Routes; other: Routes; same: boolean[] }[] = [
  {
    title: "a route before it",
    one: [{ path: "/a" }, { host: "b" }],
    other: [{ path: "/c" }, { path: "/a" }, { host: ["b"] }],
    same: [true, true],
  },
  { title: "its path", one: [{ path: "/a" }], other: [{ path: "/b" }], same: [false] },
  {
    title: "its pool",
    one: [{ path: "/a", pool: "x" }],
    other: [{ path: "/a", backends: ["a:1"] }],
    same: [true],
  },
  { title: "a field's value", one: [{ header: { A: "1" } }], other: [{ header: { A: true } }], same: [true] },
  { title: "a field's name", one: [{ header: { A: "1" } }], other: [{ query: { A: "1" } }], same: [false] },
  { title: "nothing, of two alike", one: [{}, {}], other: [{}, {}], same: [true, true] },
]

for (const { title, one, other, same } of routes) {
  t.test(`after a change of ${title}, routes that stay the same: ${same.join(", ")}`, async (t) => {
    const [before = [], after = []] = [one, other].map((route) => routeIdentities({ route }))
    t.same(
      before.map((identity) => after.includes(identity)),
      same,
    )
    t.equal(new Set(before).size, before.length, "each is another one")
    t.notMatch(before.join(), /"1"/, "no value of a field is in it")
  })
}
