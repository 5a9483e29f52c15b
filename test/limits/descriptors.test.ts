import t from "tap"
import {
  describeShortage,
  findShortage,
  limitFor,
  parseOpenFileLimit,
  shareDescriptors,
  socketPlaces,
} from "../../lib/limits/descriptors.js"
import { Rows } from "../../lib/shared/rows.js"

const OPEN = 20
const shares: readonly { limit: number; sessions: number; lingering: number }[] = [
  { limit: 8, sessions: 1, lingering: 1 },
  { limit: 64, sessions: 5, lingering: 1 },
  { limit: 200, sessions: 65, lingering: 18 },
  { limit: 1024, sessions: 411, lingering: 117 },
  { limit: 65_536, sessions: 30_210, lingering: 1000 },
  { limit: 1_048_576, sessions: 491_010, lingering: 1000 },
  { limit: Number.POSITIVE_INFINITY, sessions: Number.POSITIVE_INFINITY, lingering: 1000 },
]
for (const { limit, ...expected } of shares) {
  t.test(`a limit of ${limit} leaves room for ${expected.sessions} sessions`, async (t) => {
    t.same(shareDescriptors(limit, OPEN), expected)
  })
}

t.test("descriptors that are already open count", async (t) => {
  t.same(shareDescriptors(1024, 520), { sessions: 192, lingering: 55 })
  t.same(shareDescriptors(1024, 2000), { sessions: 1, lingering: 1 })
})

const HEADING = "Limit                     Soft Limit           Hard Limit           Units     \n"
const texts: readonly { title: string; text: string; limit: number }[] = [
  {
    title: "the soft limit",
    text: `${HEADING}Max processes             96365                96365                processes \nMax open files            1024                 524288               files     \n`,
    limit: 1024,
  },
  {
    title: "no limit",
    text: `${HEADING}Max open files            unlimited            unlimited            files     \n`,
    limit: Number.POSITIVE_INFINITY,
  },
  { title: "a text without it", text: HEADING, limit: Number.POSITIVE_INFINITY },
]
for (const { title, text, limit } of texts) {
  t.test(`${title} is read from the process's limits`, async (t) => {
    t.equal(parseOpenFileLimit(text), limit)
  })
}

t.test("all proxies and threads of the process share its places", async (t) => {
  const rows = new Rows()
  const all = [socketPlaces(rows), socketPlaces(new Rows()), socketPlaces(Rows.attach(rows.memories))]
  const [first] = all
  first?.sessions.acquire()
  first?.lingering.acquire()
  t.same(
    all.map(({ sessions, lingering }) => [sessions.taken[0], lingering.taken[0]]),
    [
      [1, 1],
      [1, 1],
      [1, 1],
    ],
  )
  t.equal(new Set(all.map(({ sessions, lingering }) => `${sessions.max} ${lingering.max}`)).size, 1)
  first?.sessions.release()
  first?.lingering.release()
})

t.test("the limit that is needed for a number of sessions is the smallest one that has room", async (t) => {
  for (const open of [0, 20, 500]) {
    for (const sessions of [2, 10, 411, 1000, 30_210, 100_000]) {
      const limit = limitFor(sessions, open)
      t.ok(shareDescriptors(limit, open).sessions >= sessions, `${limit} for ${sessions}`)
      t.ok(shareDescriptors(limit - 1, open).sessions < sessions, `${limit} - 1 for ${sessions}`)
    }
  }
})

const UNLIMITED = { max_connections: 0 }
const SHORTAGES: { title: string; limits: { max_connections: number }[]; limit: number; isShort: boolean }[] =
  [
    { title: "no max_connections", limits: [UNLIMITED, UNLIMITED], limit: 100, isShort: false },
    { title: "as many as fit", limits: [{ max_connections: 411 }], limit: 1024, isShort: false },
    { title: "one too many", limits: [{ max_connections: 412 }], limit: 1024, isShort: true },
    {
      title: "too many in all",
      limits: [{ max_connections: 400 }, UNLIMITED, { max_connections: 100 }],
      limit: 1024,
      isShort: true,
    },
    {
      title: "many without a limit of open files",
      limits: [{ max_connections: 1e9 }],
      limit: Number.POSITIVE_INFINITY,
      isShort: false,
    },
  ]
for (const { title, limits, limit, isShort } of SHORTAGES) {
  t.test(`listeners that allow ${title} are ${isShort ? "" : "not "}reported`, async (t) => {
    t.equal(findShortage(limits, { limit, open: OPEN }) !== undefined, isShort)
  })
}

t.test("a shortage says what the limit has room for, and what is needed", async (t) => {
  const shortage = findShortage([{ max_connections: 50_000 }], { limit: 1024, open: OPEN })
  t.same(shortage, { openFiles: 1024, sessions: 411, maxConnections: 50_000, needed: limitFor(50_000, OPEN) })
  t.equal(
    shortage && describeShortage(shortage),
    "max_connections allows 50000 sessions, but the limit of 1024 open files has room for 411: raise it to at least " +
      `${limitFor(50_000, OPEN)} (ulimit -n, or LimitNOFILE in the systemd unit)`,
  )
})
