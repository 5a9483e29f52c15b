import t from "tap"
import type { SessionQuery } from "../../lib/admin/source.js"
import type { CloseReason } from "../../lib/close-reason.js"
import { type ListedListener, mergePages, SessionList } from "../../lib/proxy/session-list.js"
import { type LiveSession, SessionRegistry } from "../../lib/session/registry.js"
import { FakeClock } from "../support/clock/fake-clock.js"

const THREAD = 3
const QUERY: SessionQuery = { sort: "ageMs", descending: true, limit: 100, offset: 0 }

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] }

class FakeListener implements ListedListener {
  readonly settings: { readonly name: string }
  readonly sessions = new SessionRegistry()
  readonly closed: string[] = []

  constructor(name: string) {
    this.settings = { name }
  }

  closeTunnelsOf(): number {
    return 0
  }

  add(summary: Partial<LiveSession["summary"]> = {}, more: Partial<LiveSession> = {}): Writable<LiveSession> {
    const id = this.sessions.nextId()
    const session: Writable<LiveSession> = {
      id,
      stage: "tunnel",
      startedMs: 0,
      summary: {
        listener: this.settings.name,
        client: "192.0.2.1:5000",
        startedAt: 0,
        bytesFromClient: 0,
        bytesFromBackend: 0,
        ...summary,
      },
      bytesFromClient: 0,
      bytesFromBackend: 0,
      close: (reason: CloseReason) => this.closed.push(`${id} ${reason}`),
      cut() {},
      ...more,
    }
    this.sessions.add(session)
    return session
  }
}

function listOf(listeners: readonly FakeListener[], clock = new FakeClock()) {
  return new SessionList(
    THREAD,
    () => listeners,
    () => undefined,
    clock,
  )
}

t.test("a session is shown with what is known about it", async (t) => {
  const front = new FakeListener("front")
  front.add(
    { backend: "a:1", pool: "chat", route: "1 /room", path: "/room" },
    { startedMs: 1000, bytesFromClient: 2000, bytesFromBackend: 4000 },
  )
  front.add({}, { stage: "head", startedMs: 2900 })
  const list = listOf([front], new FakeClock(3000))
  const { total, sessions } = await list.list(QUERY)
  t.equal(total, 2)
  t.match(sessions, [
    {
      id: "3.1.1",
      listener: "front",
      client: "192.0.2.1:5000",
      backend: "a:1",
      pool: "chat",
      route: "1 /room",
      path: "/room",
      stage: "tunnel",
      ageMs: 2000,
      bytesFromClient: 2000,
      bytesFromBackend: 4000,
      rateFromClient: 1000,
      rateFromBackend: 2000,
    },
    { id: "3.1.2", stage: "head", ageMs: 100, backend: undefined, rateFromClient: 0 },
  ])
})

t.test("rates are those since the last listing, however many ask", async (t) => {
  const clock = new FakeClock()
  const front = new FakeListener("front")
  const session = front.add()
  const list = listOf([front], clock)
  const rateNow = async () => (await list.list(QUERY)).sessions[0]?.rateFromClient
  clock.advance(1000)
  session.bytesFromClient = 1000
  t.equal(await rateNow(), 1000)
  clock.advance(1000)
  session.bytesFromClient = 6000
  t.equal(await rateNow(), 5000)
  clock.advance(100)
  t.equal(await rateNow(), 0)
  clock.advance(400)
  session.bytesFromClient = 6500
  t.equal(await rateNow(), 1000, "half a second has passed since the last sample")
})

const filters: readonly (readonly [Partial<SessionQuery>, readonly number[]])[] = [
  [{}, [1, 2, 3]],
  [{ listener: "other" }, []],
  [{ backend: "a:1" }, [1, 3]],
  [{ pool: "chat" }, [1, 2]],
  [{ client: "198.51" }, [2]],
  [{ stage: "dial" }, [3]],
  [{ backend: "a:1", pool: "chat" }, [1]],
  [{ sort: "bytesFromClient", descending: true }, [2, 3, 1]],
  [{ sort: "bytesFromClient", descending: false }, [1, 3, 2]],
  [{ sort: "rateFromBackend", descending: true }, [3, 2, 1]],
  [{ sort: "ageMs", descending: false }, [3, 2, 1]],
  [{ sort: "client", descending: false }, [1, 3, 2]],
  [{ sort: "path", descending: true }, [2, 1, 3]],
  [{ limit: 1 }, [1]],
]

for (const [query, ids] of filters) {
  t.test(`the query ${JSON.stringify(query)} finds the sessions ${ids.join(", ")}`, async (t) => {
    const front = new FakeListener("front")
    front.add({ backend: "a:1", pool: "chat", path: "/a" }, { startedMs: 1 })
    front.add(
      { backend: "b:1", pool: "chat", client: "198.51.100.7:1", path: "/b" },
      { startedMs: 2, bytesFromClient: 9, bytesFromBackend: 500 },
    )
    front.add({ backend: "a:1" }, { startedMs: 3, stage: "dial", bytesFromClient: 5, bytesFromBackend: 900 })
    const page = await listOf([front], new FakeClock(1000)).list({ ...QUERY, ...query })
    t.strictSame(
      page.sessions.map(({ id }) => Number(id.split(".")[2])),
      ids,
    )
    t.equal(page.total, query.limit === undefined ? ids.length : 3)
  })
}

t.test("a page of many sessions is found, and the event loop turns meanwhile", async (t) => {
  const front = new FakeListener("front")
  for (let number = 0; number < 5000; number++) front.add({}, { bytesFromClient: (number * 7919) % 5000 })
  const list = listOf([front])
  let turns = 0
  let isListed = false
  const count = () => {
    turns++
    if (!isListed) setImmediate(count)
  }
  setImmediate(count)
  const query: SessionQuery = { ...QUERY, sort: "bytesFromClient", limit: 10, offset: 20 }
  const { total, sessions } = await list.list(query)
  isListed = true
  t.equal(total, 5000)
  t.strictSame(
    sessions.slice(20).map(({ bytesFromClient }) => bytesFromClient),
    Array.from({ length: 10 }, (_, index) => 4979 - index),
  )
  t.ok(turns >= 9, `${turns} turns`)
})

t.test("sessions may end while they are listed", async (t) => {
  const front = new FakeListener("front")
  const sessions = Array.from({ length: 1200 }, () => front.add())
  const listed = listOf([front]).list(QUERY)
  setImmediate(() => {
    for (const session of sessions.slice(600)) front.sessions.delete(session)
  })
  const { total } = await listed
  t.ok(total >= 600 && total <= 1200, `${total}`)
})

t.test("the pages of several threads are merged in order", async (t) => {
  const [one, other] = [new FakeListener("front"), new FakeListener("front")]
  for (const bytes of [1, 4, 5]) one.add({}, { bytesFromClient: bytes })
  for (const bytes of [2, 3, 6]) other.add({}, { bytesFromClient: bytes })
  const query: SessionQuery = { ...QUERY, sort: "bytesFromClient", limit: 2, offset: 1 }
  const pages = await Promise.all([listOf([one]).list(query), listOf([other]).list(query)])
  const { total, sessions } = mergePages(pages, query)
  t.equal(total, 6)
  t.strictSame(
    sessions.map(({ bytesFromClient }) => bytesFromClient),
    [6, 5, 4],
  )
})

t.test("a session is closed by its id, once", async (t) => {
  const [front, other] = [new FakeListener("front"), new FakeListener("other")]
  const session = front.add()
  other.add()
  const list = listOf([front, other])
  t.equal(await list.close("3.2.1"), false, "no id has been given yet")
  await list.list(QUERY)
  t.equal(await list.close("3.2.1"), true)
  t.strictSame(other.closed, ["1 admin_close"])
  t.strictSame(front.closed, [])
  for (const id of ["0.1.1", "3.1.2", "3.3.1", "3.1", "", "3.1.1.1x", "a.b.c"]) {
    t.equal(await list.close(id), false, id)
  }
  session.stage = "closing"
  t.equal(await list.close("3.1.1"), false, "it has been reported as ended")
})
