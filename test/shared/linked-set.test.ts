import t from "tap"
import { LinkedSet } from "../../lib/shared/linked-set.js"

interface Member {
  readonly name: string
}

function members(...names: string[]): Member[] {
  return names.map((name) => ({ name }))
}

function filled(list: readonly Member[]): LinkedSet<Member> {
  const set = new LinkedSet<Member>()
  for (const member of list) set.add(member)
  return set
}

const namesOf = (set: Iterable<Member>) => [...set].map(({ name }) => name).join("")

t.test("members are kept in the order of their coming, each once", async (t) => {
  const [a, b, c] = members("a", "b", "c") as [Member, Member, Member]
  const set = filled([a, b, a, c, b])
  t.equal(namesOf(set), "abc")
  t.equal(set.size, 3)
})

for (const { deleted, left } of [
  { deleted: "a", left: "bcd" },
  { deleted: "bc", left: "ad" },
  { deleted: "d", left: "abc" },
  { deleted: "dcba", left: "" },
]) {
  t.test(`of abcd without ${deleted}, ${left || "nothing"} is left`, async (t) => {
    const list = members("a", "b", "c", "d")
    const set = filled(list)
    for (const member of list) if (deleted.includes(member.name)) set.delete(member)
    for (const member of list) if (deleted.includes(member.name)) set.delete(member)
    t.equal(namesOf(set), left)
    t.equal(set.size, left.length)
    for (const member of list) if (deleted.includes(member.name)) set.add(member)
    t.equal(set.size, 4)
  })
}

t.test("a member that has been deleted refers to no other, so that it keeps none in memory", async (t) => {
  const [a, b, c] = members("a", "b", "c") as [Member, Member, Member]
  const set = filled([a, b, c])
  set.delete(b)
  for (const key of Reflect.ownKeys(b)) t.not(typeof Reflect.get(b, key), "object")
})

t.test("a copy of a member is not a member, and may become one", async (t) => {
  const list = members("a", "b")
  const set = filled(list)
  const copy = { ...list[0], name: "c" }
  set.delete(copy)
  t.equal(namesOf(set), "ab")
  set.add(copy)
  t.equal(namesOf(set), "abc")
  for (const member of list) set.delete(member)
  t.equal(namesOf(set), "c")
  set.delete(copy)
  t.equal(set.size, 0)
})

for (const { title, change, visited } of [
  { title: "the one just visited leaves", change: "-a", visited: "abcd" },
  { title: "the next one leaves", change: "-b", visited: "acd" },
  { title: "the last one leaves", change: "-d", visited: "abc" },
  { title: "all leave", change: "-a-b-c-d", visited: "a" },
  { title: "one comes", change: "+e", visited: "abcde" },
  { title: "the only ones are replaced", change: "-a-b-c-d+e", visited: "ae" },
  { title: "one leaves and comes back", change: "-a+a", visited: "abcda" },
]) {
  t.test(`an iteration goes on as that of a Set when ${title}`, async (t) => {
    const list = members("a", "b", "c", "d", "e")
    const find = (name: string) => list.find((member) => member.name === name) as Member
    const run = (set: LinkedSet<Member> | Set<Member>) => {
      for (const member of list.slice(0, 4)) set.add(member)
      let names = ""
      for (const { name } of set) {
        if (names === "") {
          for (const [, sign, name = ""] of change.matchAll(/([+-])(.)/g)) {
            if (sign === "+") set.add(find(name))
            else set.delete(find(name))
          }
        }
        names += name
      }
      return names
    }
    t.equal(run(new Set()), visited)
    t.equal(run(new LinkedSet()), visited)
  })
}

t.test("several iterations at a time do not see each other, nor does one that was left early", async (t) => {
  const set = filled(members("a", "b", "c"))
  let names = ""
  for (const outer of set) {
    for (const inner of set) {
      names += outer.name + inner.name
      if (inner.name === "b") break
    }
  }
  t.equal(names, "aaabbabbcacb")
  t.equal(namesOf(set), "abc")
  t.equal(set.size, 3)
})
