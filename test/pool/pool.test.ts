import t from "tap"
import { AddressError } from "../../lib/address/address.js"
import { Pool } from "../../lib/pool/pool.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { triedBy } from "../support/pool/tried-by.js"
import { thrownBy } from "../support/project/thrown.js"

const A = "a.example:9000"
const B = "ws://b.example"
const C = "unix:/run/c.sock"

function candidates(pool: Pool): string[] {
  return triedBy(pool).map(({ name }) => name)
}

function firsts(pool: Pool, sessions: number): (string | undefined)[] {
  return Array.from({ length: sessions }, () => candidates(pool)[0])
}

t.test("a backend has the name that the user wrote and the address that it means", async (t) => {
  const parts = triedBy(new Pool([A, B, C])).map(({ name, address }) => ({ name, address }))
  t.same(parts, [
    { name: A, address: { kind: "tcp", host: "a.example", port: 9000 } },
    { name: B, address: { kind: "tcp", host: "b.example", port: 80 } },
    { name: C, address: { kind: "unix", path: "/run/c.sock" } },
  ])
})

t.test(
  "sessions begin with each backend in turn and may go on with the others, each once, in order",
  async (t) => {
    const pool = new Pool([A, B, C])
    t.same(candidates(pool), [A, B, C])
    t.same(candidates(pool), [B, C, A])
    t.same(candidates(pool), [C, A, B])
    t.same(candidates(pool), [A, B, C])
  },
)

for (let size = 1; size <= 5; size++) {
  t.test(
    `${size} backends share the sessions evenly and each stands in the order of each session once`,
    async (t) => {
      const backends = Array.from({ length: size }, (_, index) => `backend-${index}:9000`)
      const pool = new Pool(backends)
      const begun = new Map<string, number>()
      const orders: string[][] = []
      for (let session = 0; session < 100 * size; session++) {
        const names = candidates(pool)
        orders.push(names.toSorted())
        const first = names[0] ?? ""
        begun.set(first, (begun.get(first) ?? 0) + 1)
      }
      t.same(
        orders,
        orders.map(() => backends),
      )
      t.same(
        [...begun],
        backends.map((backend) => [backend, 100]),
      )
    },
  )
}

t.test("an empty pool has no backend to try", async (t) => {
  t.same(candidates(new Pool([])), [])
})

t.test("a backend that is given twice counts once", async (t) => {
  const pool = new Pool([A, B, A])
  t.same(pool.backends, [A, B])
  pool.add(B)
  t.same(pool.backends, [A, B])
})

t.test("a pool accepts any iterable of backends", async (t) => {
  t.same(new Pool(new Set([A, B])).backends, [A, B])
})

t.test("an added backend is used by sessions that begin later", async (t) => {
  const pool = new Pool([A])
  t.same(firsts(pool, 2), [A, A])
  pool.add(B)
  t.same(pool.backends, [A, B])
  t.same(new Set(firsts(pool, 2)), new Set([A, B]))
})

t.test("a removed backend is not used by sessions that begin later", async (t) => {
  const pool = new Pool([A, B, C])
  t.equal(pool.remove(B), true)
  t.same(pool.backends, [A, C])
  t.same(new Set(firsts(pool, 2)), new Set([A, C]))
  t.same(candidates(pool).toSorted(), [A, C])
  t.equal(pool.remove(B), false)
  t.equal(pool.remove(A), true)
  t.equal(pool.remove(C), true)
  t.same(candidates(pool), [])
})

t.test(
  "a session finishes the order that it has begun, and then tries backends added meanwhile",
  async (t) => {
    const pool = new Pool([A, B])
    const tried: string[] = []
    for (const backend of pool.reserve(poolRequest(), "192.0.2.1")) {
      tried.push(backend.name)
      pool.remove(B)
      pool.add(C)
      backend.release()
    }
    t.same(tried, [A, B, C])
  },
)

t.test("the list of backends is a copy", async (t) => {
  const pool = new Pool([A])
  pool.backends.push(B)
  t.same(pool.backends, [A])
})

t.test("an invalid address is refused, and the pool stays as it was", async (t) => {
  t.type(
    thrownBy(() => new Pool([A, "nowhere"])),
    AddressError,
  )
  const pool = new Pool([A])
  t.type(
    thrownBy(() => pool.add("nowhere")),
    AddressError,
  )
  t.type(
    thrownBy(() => pool.add("127.0.0.1:0")),
    AddressError,
  )
  t.same(pool.backends, [A])
})

t.test("backends may be URL objects, which are called by their text", async (t) => {
  const url = new URL("ws://a.example:9000")
  const pool = new Pool(url)
  t.same(pool.backends, ["ws://a.example:9000"])
  pool.add(new URL("wss://b.example/base"))
  pool.add({ address: new URL("ws://c.example"), weight: 2 })
  pool.add("ws://c.example")
  t.same(pool.backends, ["ws://a.example:9000", "wss://b.example/base", "ws://c.example"])
  t.equal(pool.drain(url), true)
  t.same(
    pool.members.map(({ isDraining }) => isDraining),
    [true, false, false],
  )
  t.equal(pool.remove(url), true)
  t.equal(pool.remove(url), false)
})
