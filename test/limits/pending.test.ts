import t from "tap"
import { Pending } from "../../lib/limits/pending.js"

t.test("as many may be pending as the limit says, and one more for each that leaves", async (t) => {
  const pending = new Pending(2)
  t.same([pending.enter(), pending.enter(), pending.enter(), pending.enter()], [true, true, false, false])
  pending.leave()
  t.same([pending.enter(), pending.enter()], [true, false])
  pending.leave()
  pending.leave()
  t.same([pending.enter(), pending.enter(), pending.enter()], [true, true, false])
})

t.test("with a limit of 0 any number may be pending", async (t) => {
  const pending = new Pending(0)
  t.ok(Array.from({ length: 10_000 }, () => pending.enter()).every((entered) => entered))
})
