import t from "tap"
import { acquire, createCells, release } from "../../lib/shared/cells.js"
import { between, seededRandom } from "../support/project/random.js"
import { runHammers } from "../support/shared/hammers.js"

t.test("a row is in shared memory, begins with zeros and has cells of its own", async (t) => {
  const [one, other] = [createCells(3), createCells(3)]
  t.type(one.buffer, SharedArrayBuffer)
  t.same([...one], [0, 0, 0])
  one.fill(7)
  t.same([...other], [0, 0, 0])
})

t.test("places are acquired up to the maximum and released, as a plain count says", async (t) => {
  const random = seededRandom(24)
  for (let round = 0; round < 50; round++) {
    const max = between(random, 0, 4)
    const cells = createCells(2)
    let taken = 0
    const wrong: string[] = []
    for (let step = 0; step < 200; step++) {
      if (taken > 0 && random() < 0.5) {
        release(cells, 1)
        taken--
      } else {
        const expected = max === 0 || taken < max
        if (acquire(cells, 1, max) !== expected) wrong.push(`step ${step}: expected ${expected}`)
        if (expected) taken++
      }
      if (cells[1] !== taken) wrong.push(`step ${step}: ${cells[1]} instead of ${taken}`)
    }
    t.same(wrong, [], `round ${round}, at most ${max}`)
    t.equal(cells[0], 0, "the other cell is left alone")
  }
})

t.test("two threads that share a cell never exceed its maximum and lose no place", async (t) => {
  const cells = createCells(1)
  const { most, acquired } = await runHammers({ kind: "cell", cells, max: 3 })
  t.ok(most <= 3, `${most} places were held at once`)
  t.ok(acquired > 0, `${acquired} were acquired`)
  t.equal(cells[0], 0)
})
