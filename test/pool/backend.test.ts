import t from "tap"
import { AddressError } from "../../lib/address/address.js"
import { Backend } from "../../lib/pool/backend.js"
import { CELLS_PER_BACKEND } from "../../lib/pool/backend-cells.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { allocate, free } from "../../lib/shared/cells.js"
import { between, seededRandom } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

t.test("a backend has the name that the user wrote, what it means, and what was set for it", async (t) => {
  t.match(new Backend("WSS://a.example/base/"), {
    name: "WSS://a.example/base/",
    address: { kind: "tcp", host: "a.example", port: 443 },
    isTls: true,
    basePath: "/base",
    weight: 1,
    maxConnections: 0,
    isBackup: false,
  })
  t.match(new Backend({ address: "unix:/run/a.sock", weight: 7, max_connections: 9, backup: true }), {
    name: "unix:/run/a.sock",
    address: { kind: "unix", path: "/run/a.sock" },
    isTls: false,
    basePath: "",
    weight: 7,
    maxConnections: 9,
    isBackup: true,
  })
})

t.test("what is wrong with a backend is told by its error", async (t) => {
  t.type(
    thrownBy(() => new Backend("nowhere")),
    AddressError,
  )
  t.type(
    thrownBy(() => new Backend({ address: "a:1", weight: 0 })),
    SettingError,
  )
})

t.test("a backend without a limit is never full", async (t) => {
  const backend = new Backend("a:1")
  for (let session = 1; session <= 1000; session++) {
    t.equal(backend.tryReserve(), true)
    t.equal(backend.active, session)
  }
  t.equal(backend.isFull, false)
})

t.test(
  "a backend never has more sessions than max_connections, and a place that is given back can be taken",
  async (t) => {
    const random = seededRandom(15)
    for (let round = 0; round < 50; round++) {
      const max_connections = between(random, 1, 5)
      const backend = new Backend({ address: "a:1", max_connections })
      let active = 0
      for (let step = 0; step < 200; step++) {
        if (random() < 0.6) {
          t.equal(backend.tryReserve(), active < max_connections)
          active = Math.min(active + 1, max_connections)
        } else if (active > 0) {
          backend.release()
          active--
        }
        t.equal(backend.active, active)
        t.equal(backend.isFull, active === max_connections)
      }
    }
  },
)

/** Where the next row of a backend will be: rows that were given back last are handed out first. */
function nextRow(): number {
  const row = allocate(CELLS_PER_BACKEND)
  free(row)
  return row.byteOffset
}

t.test("a backend without sessions gives its memory back when it is retired", async (t) => {
  const backend = new Backend("a:1")
  const { byteOffset } = backend.cells
  t.not(nextRow(), byteOffset)
  backend.retire()
  t.equal(nextRow(), byteOffset)
})

t.test("a backend with sessions gives its memory back with the last of them, and once", async (t) => {
  const backend = new Backend("a:1")
  const { byteOffset } = backend.cells
  backend.tryReserve()
  backend.tryReserve()
  backend.retire()
  backend.release()
  t.not(nextRow(), byteOffset)
  t.equal(backend.active, 1)
  backend.release()
  t.equal(nextRow(), byteOffset)
  const next = new Backend("b:1")
  t.equal(next.cells.byteOffset, byteOffset)
  backend.retire()
  t.not(nextRow(), byteOffset)
})

t.test("a session that still tries a retired backend counts in nobody else's memory", async (t) => {
  const gone = new Backend("a:1")
  const { byteOffset } = gone.cells
  gone.retire()
  const next = new Backend({ address: "b:1", max_connections: 1 })
  t.equal(next.cells.byteOffset, byteOffset)
  t.equal(gone.tryReserve(), true)
  t.equal(gone.active, 1)
  t.equal(next.active, 0)
  t.equal(next.tryReserve(), true)
  gone.release()
  t.same([gone.active, next.active], [0, 1])
})
