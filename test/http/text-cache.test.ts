import t from "tap"
import { TextCache } from "../../lib/http/text-cache.js"

t.test("equal texts are returned as equal texts, however many there are", async (t) => {
  const cache = new TextCache(2)
  for (const text of ["a", "b", "a", "c", "a", "", "\xff".repeat(300)]) t.equal(cache.keep(text), text)
})
