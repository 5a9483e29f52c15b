import t from "tap"
import { AddressError } from "../../lib/address/address.js"
import { Backend } from "../../lib/pool/backend.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { between, seededRandom } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

t.test(
  "a backend has an identity, a dial address, an authority and a server name, and its settings",
  async (t) => {
    t.match(new Backend("WSS://a.example/base/"), {
      name: "WSS://a.example/base/",
      address: { kind: "tcp", host: "a.example", port: 443 },
      authority: "a.example",
      serverName: "a.example",
      isTls: true,
      basePath: "/base",
      weight: 1,
      maxConnections: 0,
      isBackup: false,
    })
    t.match(new Backend({ address: "unix:/run/a.sock", weight: 7, max_connections: 9, backup: true }), {
      name: "unix:/run/a.sock",
      address: { kind: "unix", path: "/run/a.sock" },
      authority: "localhost",
      serverName: "unix:/run/a.sock",
      isTls: false,
      basePath: "",
      weight: 7,
      maxConnections: 9,
      isBackup: true,
    })
  },
)

t.test("an invalid backend is an error that says what is wrong", async (t) => {
  t.type(
    thrownBy(() => new Backend("nowhere")),
    AddressError,
  )
  t.type(
    thrownBy(() => new Backend({ address: "a:1", weight: -1 })),
    SettingError,
  )
})

t.test("a backend without a limit is never full", async (t) => {
  const backend = new Backend("a:1")
  const acquired = Array.from({ length: 1000 }, () => ({ ok: backend.acquire(), active: backend.active }))
  t.same(
    acquired,
    acquired.map((_, index) => ({ ok: true, active: index + 1 })),
  )
  t.equal(backend.isFull, false)
})

t.test(
  "a backend never has more sessions than max_connections, and a released place can be acquired again",
  async (t) => {
    const random = seededRandom(15)
    for (let round = 0; round < 50; round++) {
      const max_connections = between(random, 1, 5)
      const backend = new Backend({ address: "a:1", max_connections })
      let active = 0
      const seen: unknown[] = []
      const expected: unknown[] = []
      for (let step = 0; step < 200; step++) {
        const isComing = random() < 0.6
        if (isComing) {
          seen.push(backend.acquire())
          expected.push(active < max_connections)
          active = Math.min(active + 1, max_connections)
        } else if (active > 0) {
          backend.release()
          active--
        }
        seen.push([step, backend.active, backend.isFull])
        expected.push([step, active, active === max_connections])
      }
      t.same(seen, expected, `round ${round}`)
    }
  },
)

t.test(
  "two backends with the same row share counts and limit, as in two threads or over a reload",
  async (t) => {
    const before = new Backend({ address: "a:1", max_connections: 2 })
    before.acquire()
    const after = new Backend({ address: "a:1", max_connections: 2, weight: 7 }, before.cells)
    t.same([after.active, after.acquire(), after.acquire(), before.isFull], [1, true, false, true])
    before.release()
    t.equal(after.active, 1)
  },
)

t.test("every backend has a row of its own unless it is given one", async (t) => {
  const [one, other] = [new Backend("a:1"), new Backend("a:1")]
  one.acquire()
  t.same([one.active, other.active], [1, 0])
})
