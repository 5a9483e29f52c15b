import { setImmediate } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import t from "tap"
import { allocate, free } from "../../lib/shared/cells.js"
import { between, seededRandom } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

t.test("rows are in one shared memory, begin with zeros and have cells of their own", async (t) => {
  const rows = [allocate(3), allocate(1), allocate(3)]
  const [first] = rows
  t.type(first?.buffer, SharedArrayBuffer)
  for (const [index, row] of rows.entries()) {
    t.equal(row.buffer, first?.buffer)
    t.same([...row], Array(row.length).fill(0))
    row.fill(index + 1)
  }
  t.same(
    rows.map((row) => [...row]),
    [[1, 1, 1], [2], [3, 3, 3]],
  )
  rows.forEach(free)
})

t.test("a row that was given back is handed out again, with zeros", async (t) => {
  const row = allocate(5).fill(7)
  const { byteOffset } = row
  free(row)
  const next = allocate(5)
  t.equal(next.byteOffset, byteOffset)
  t.same([...next], [0, 0, 0, 0, 0])
  free(next)
})

t.test("a row of another size is not made of one that was given back", async (t) => {
  const row = allocate(6)
  free(row)
  const other = allocate(4)
  t.not(other.byteOffset, row.byteOffset)
  free(other)
})

t.test("a row that is given back twice is handed out once", async (t) => {
  const row = allocate(11)
  free(row)
  free(row)
  const [one, other] = [allocate(11), allocate(11)]
  t.not(one.byteOffset, other.byteOffset)
  free(one)
  free(other)
})

t.test("a row from elsewhere is left alone", async (t) => {
  const row = new Int32Array(13).fill(1)
  free(row)
  t.same([...row], Array(13).fill(1))
  const own = allocate(13)
  t.type(own.buffer, SharedArrayBuffer)
  free(own)
})

t.test("rows can be taken and given back without end", async (t) => {
  for (let round = 0; round < 100_000; round++) free(allocate(9))
  t.pass()
})

t.test("what does not fit is refused and takes nothing", async (t) => {
  for (let round = 0; round < 3; round++) {
    const error = thrownBy(() => allocate(2 ** 18 + 1))
    t.type(error, RangeError)
    t.match(String(error), /too many backends: the shared memory has 262144 cells, \d+ are left/)
  }
  free(allocate(2))
})

t.test("no two rows that are in use overlap, in whatever order they are taken and given back", async (t) => {
  const random = seededRandom(3)
  const inUse = new Map<number, Int32Array>()
  for (let mark = 1; mark <= 5000; mark++) {
    if (inUse.size < 50 && random() < 0.6) {
      const row = allocate(between(random, 1, 4))
      t.ok(row.every((cell) => cell === 0))
      inUse.set(mark, row.fill(mark))
    } else {
      const [[oldest, row] = [0, undefined]] = inUse
      if (row === undefined) continue
      t.ok(row.every((cell) => cell === oldest))
      inUse.delete(oldest)
      free(row)
    }
  }
  for (const row of inUse.values()) free(row)
})

t.test(
  "a row that its owner has dropped without a word is handed out again after a garbage collection",
  async (t) => {
    setFlagsFromString("--expose-gc")
    const collectGarbage: () => void = runInNewContext("gc")
    const dropped = new Set(Array.from({ length: 100 }, () => allocate(17).byteOffset))
    let isReused = false
    for (let turn = 0; turn < 100 && !isReused; turn++) {
      collectGarbage()
      await setImmediate()
      isReused = dropped.has(allocate(17).byteOffset)
    }
    t.equal(isReused, true)
  },
)
