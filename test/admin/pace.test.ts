import t from "tap"
import { Pace } from "../../lib/admin/pace.js"

t.test("a burst of requests need not wait, and the others come one after the other", async (t) => {
  const pace = new Pace()
  const waits = Array.from({ length: 254 }, () => pace.waitMs(10_000))
  t.ok(waits.slice(0, 251).every((wait) => wait === 0))
  t.strictSame(waits.slice(251), [2, 4, 6])
  t.equal(pace.waitMs(10_008), 0, "the time that passes counts")
})

t.test("after a pause there may be a burst again, but not a longer one", async (t) => {
  const pace = new Pace()
  for (let request = 0; request < 300; request++) pace.waitMs(0)
  const waits = Array.from({ length: 252 }, () => pace.waitMs(3_600_000))
  t.strictSame(waits.slice(250), [0, 2])
})

t.test("too many requests are told so, until there are fewer", async (t) => {
  const pace = new Pace()
  let request = 0
  while (request < 10_000 && pace.waitMs(0) !== undefined) request++
  t.ok(request > 2500 && request < 3000, `${request} requests`)
  t.equal(pace.waitMs(0), undefined)
  t.ok(Number(pace.waitMs(1000)) < 5000)
})
