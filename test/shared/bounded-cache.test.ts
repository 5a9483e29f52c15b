import t from "tap"
import { BoundedCache } from "../../lib/shared/bounded-cache.js"

t.test("what was read last stays, and the rest is forgotten", async (t) => {
  const cache = new BoundedCache<number>(3)
  for (const [index, key] of ["a", "b", "c"].entries()) cache.set(key, index)
  cache.get("a")
  cache.set("d", 3)
  t.equal(cache.get("b"), undefined)
  t.same(
    ["a", "c", "d"].map((key) => cache.get(key)),
    [0, 2, 3],
  )
  t.equal(cache.size, 3)
})

t.test("if everything was read, the oldest goes", async (t) => {
  const cache = new BoundedCache<number>(2)
  cache.set("a", 1)
  cache.set("b", 2)
  cache.get("a")
  cache.get("b")
  cache.set("c", 3)
  t.same(
    ["a", "b", "c"].map((key) => cache.get(key)),
    [undefined, 2, 3],
  )
})

t.test("a new value takes the place of the old one", async (t) => {
  const cache = new BoundedCache<number>(1)
  cache.set("a", 1)
  cache.set("a", 2)
  t.equal(cache.get("a"), 2)
  cache.delete("a")
  t.equal(cache.get("a"), undefined)
  t.equal(cache.size, 0)
})

t.test("a flood of keys leaves no more than the cache may hold", async (t) => {
  const cache = new BoundedCache<number>(100)
  for (let index = 0; index < 10_000; index++) {
    cache.set(`key ${index}`, index)
    cache.get("key 0")
  }
  t.equal(cache.size, 100)
  t.equal(cache.get("key 0"), 0)
})

t.test("an eviction passes over a few entries, and not over the whole cache", async (t) => {
  const cache = new BoundedCache<number>(100)
  for (let index = 0; index < 100; index++) {
    cache.set(`key ${index}`, index)
    cache.get(`key ${index}`)
  }
  cache.set("another", 1)
  t.equal(cache.size, 100)
  t.equal(cache.get("key 15"), 15, "passed over")
  t.equal(cache.get("key 16"), undefined, "evicted although it was in use")
})

t.test("an entry ends at its time", async (t) => {
  const cache = new BoundedCache<number>(2)
  cache.set("a", 1, 1000)
  t.equal(cache.get("a", 999), 1)
  cache.set("a", 2, 2000)
  t.equal(cache.get("a", 1999), 2)
  t.equal(cache.get("a", 2000), undefined)
  t.equal(cache.size, 0)
})

t.test("nothing is left of a cache that has been cleared", async (t) => {
  const cache = new BoundedCache<number>(2)
  cache.set("a", 1)
  cache.clear()
  t.equal(cache.get("a"), undefined)
  t.equal(cache.size, 0)
})
