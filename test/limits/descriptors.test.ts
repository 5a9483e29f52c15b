import t from "tap"
import { parseOpenFileLimit, shareDescriptors, socketPlaces } from "../../lib/limits/descriptors.js"
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
