import t from "tap"
import { Places } from "../../lib/limits/places.js"

t.test("no more places can be acquired than there are, until one is released", async (t) => {
  const places = new Places(2)
  t.same([places.acquire(), places.acquire(), places.acquire(), places.acquire()], [true, true, false, false])
  places.release()
  t.same([places.acquire(), places.acquire()], [true, false])
  places.release()
  places.release()
  t.same([places.acquire(), places.acquire(), places.acquire()], [true, true, false])
})

t.test("a limit of 0 means unlimited", async (t) => {
  const places = new Places(0)
  t.ok(Array.from({ length: 10_000 }, () => places.acquire()).every((acquired) => acquired))
})
