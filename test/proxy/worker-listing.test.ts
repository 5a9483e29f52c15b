import t from "tap"
import type { SessionPage } from "../../lib/admin/api-types.js"
import type { SessionQuery } from "../../lib/admin/source.js"
import { WorkerListing } from "../../lib/proxy/worker-listing.js"
import type { CommandName, Commands } from "../../lib/proxy/worker-messages.js"
import { FakeClock } from "../support/clock/fake-clock.js"

const QUERY: SessionQuery = { sort: "ageMs", descending: true, limit: 100, offset: 0 }
const PAGE: SessionPage = { total: 7, sessions: [] }

/** A thread that replies when the test says so. */
class FakeSlot {
  readonly replies: { resolve(page: SessionPage | undefined): void; reject(error: Error): void }[] = []

  ask<Name extends CommandName>(): Promise<Commands[Name]["reply"] | undefined> {
    return new Promise((resolve, reject) => {
      this.replies.push({ resolve: (page) => resolve(page as Commands[Name]["reply"]), reject })
    })
  }
}

t.test("a thread that replies in time is listed", async (t) => {
  const slot = new FakeSlot()
  const clock = new FakeClock()
  const listing = new WorkerListing(slot, clock)
  const first = listing.list(QUERY)
  clock.advance(1999)
  slot.replies[0]?.resolve(PAGE)
  t.equal(await first, PAGE)
  clock.advance(10_000)
  const second = listing.list(QUERY)
  slot.replies[1]?.resolve(PAGE)
  t.equal(await second, PAGE)
})

t.test("a thread that has died has no sessions", async (t) => {
  const slot = new FakeSlot()
  const listed = new WorkerListing(slot, new FakeClock()).list(QUERY)
  slot.replies[0]?.resolve(undefined)
  t.strictSame(await listed, { total: 0, sessions: [] })
})

t.test("a blocked thread is left out after 2 seconds, and not asked again before it replies", async (t) => {
  const slot = new FakeSlot()
  const clock = new FakeClock()
  const listing = new WorkerListing(slot, clock)
  const first = listing.list(QUERY)
  clock.advance(2000)
  t.equal(await first, undefined)
  t.equal(await listing.list(QUERY), undefined)
  t.equal(slot.replies.length, 1)
  slot.replies[0]?.resolve(PAGE)
  await new Promise((resolve) => setImmediate(resolve))
  const later = listing.list(QUERY)
  slot.replies[1]?.resolve(PAGE)
  t.equal(await later, PAGE)
})

t.test("a failure is passed on, and a late one is not", async (t) => {
  const slot = new FakeSlot()
  const clock = new FakeClock()
  const listing = new WorkerListing(slot, clock)
  const failing = listing.list(QUERY)
  slot.replies[0]?.reject(new Error("out of order"))
  await t.rejects(failing, { message: "out of order" })
  const late = listing.list(QUERY)
  clock.advance(2000)
  t.equal(await late, undefined)
  slot.replies[1]?.reject(new Error("out of order"))
  await new Promise((resolve) => setImmediate(resolve))
  const next = listing.list(QUERY)
  slot.replies[2]?.resolve(PAGE)
  t.equal(await next, PAGE)
})
