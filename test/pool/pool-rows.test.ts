import t from "tap"
import { Pool } from "../../lib/pool/pool.js"
import { poolRows } from "../../lib/pool/pool-rows.js"
import { Rows } from "../../lib/shared/rows.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { triedBy } from "../support/pool/tried-by.js"

const BACKENDS = ["a:1", "b:1", "c:1"]

/** The backend that one session tries first. */
function firstOf(pool: Pool): string | undefined {
  return triedBy(pool)[0]?.name
}

t.test("pools with the same rows take turns together, and share counts and health", async (t) => {
  const rows = new Rows()
  const create = (rows: Rows) => new Pool(BACKENDS, { max_fails: 1 }, undefined, poolRows(rows, "pool"))
  const one = create(rows)
  const other = create(Rows.attach(rows.memories))
  t.same([firstOf(one), firstOf(other), firstOf(one), firstOf(other)], ["a:1", "b:1", "c:1", "a:1"])
  const [held] = one.reserve(poolRequest(), "")
  const same = other.members.find(({ name }) => name === held?.name)
  t.equal(same?.active, 1)
  if (held !== undefined) one.failed(held, "refused")
  t.equal(triedBy(other).at(-1)?.name, held?.name, "it is ejected there, too")
})

t.test("pools of other identities, and other backends, have rows of their own", async (t) => {
  const rows = new Rows()
  const [one, other] = ["one", "other"].map((name) => poolRows(rows, name))
  const cells = [one?.backend("a:1"), one?.backend("b:1"), other?.backend("a:1"), one?.turn("primaries")]
  for (const [index, row] of cells.entries()) row?.fill(index + 1)
  t.same(
    cells.map((row) => row?.[0]),
    [1, 2, 3, 4],
  )
  t.same([other?.turn("primaries")[0], one?.turn("backups")[0]], [0, 0])
})
