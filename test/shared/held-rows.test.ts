import t from "tap"
import { ClientTable } from "../../lib/limits/client-table.js"
import { Places } from "../../lib/limits/places.js"
import { HeldRows } from "../../lib/shared/held-rows.js"
import { Rows } from "../../lib/shared/rows.js"

t.test("the places of a thread that died can be given back, and those of others stay", async (t) => {
  const main = new Rows()
  main.cells("places", 1)
  const threads = [new HeldRows(), new HeldRows()]
  const [dying, living] = threads.map((held) => {
    const rows = Rows.attach(main.memories, held.for(main.memories))
    return new Places(5, rows.cells("places", 1), rows.heldCells("places"))
  })
  for (let count = 0; count < 3; count++) t.ok(dying?.acquire())
  dying?.release()
  for (let count = 0; count < 3; count++) t.ok(living?.acquire())
  t.notOk(living?.acquire(), "five are taken, over both threads")
  const memory = main.memory("places", () => new SharedArrayBuffer(0))
  t.equal(threads[0]?.count(memory), 2)
  threads[0]?.giveBack()
  t.equal(Atomics.load(main.cells("places", 1), 0), 3)
  t.equal(threads[0]?.count(memory), 0)
  threads[0]?.giveBack()
  t.equal(Atomics.load(main.cells("places", 1), 0), 3, "only once")
})

t.test("rows that a reload has dropped are forgotten, and those that stay keep their counts", async (t) => {
  const main = new Rows()
  main.cells("kept", 1)
  main.cells("dropped", 1)
  const held = new HeldRows()
  const rows = Rows.attach(main.memories, held.for(main.memories))
  for (const identity of ["kept", "dropped"]) {
    new Places(0, rows.cells(identity, 1), rows.heldCells(identity)).acquire()
  }
  const next = main.next()
  next.cells("kept", 1)
  held.for(next.memories)
  held.keepOnly(next.memories)
  held.giveBack()
  t.equal(Atomics.load(main.cells("kept", 1), 0), 0)
  t.equal(Atomics.load(main.cells("dropped", 1), 0), 1, "nobody reads it any more")
})

t.test("a table of clients gives back the connections of a dead thread, and its locks", async (t) => {
  const memory = ClientTable.createMemory(1)
  const held = new HeldRows()
  const own = held.for(new Map([["clients", memory]])).get("clients")
  const client = { high: 1, low: 2 }
  const dying = new ClientTable(memory, own)
  const slot = dying.withSlot(client, 0, (found) => {
    dying.acquire(found, 0)
    dying.acquire(found, 0)
    return found
  })
  dying.release(slot ?? -1)
  const living = new ClientTable(memory)
  living.withSlot(client, 0, (found) => living.acquire(found, 0))
  t.equal(living.connections(slot ?? -1), 2)
  held.giveBack()
  t.equal(living.connections(slot ?? -1), 1)

  const thread = 41
  const locks = new Int32Array(memory).subarray(-2, -1)
  Atomics.store(locks, 0, thread + 1)
  living.unlockFor(thread + 1)
  t.equal(Atomics.load(locks, 0), thread + 1, "the lock of another thread stays")
  living.unlockFor(thread)
  t.equal(Atomics.load(locks, 0), 0)
})
