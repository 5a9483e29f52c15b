import { once } from "node:events"
import { Worker } from "node:worker_threads"
import t from "tap"
import { Rows } from "../../lib/shared/rows.js"
import { thrownBy } from "../support/project/thrown.js"

t.test("an identity has one row, which begins with zeros", async (t) => {
  const rows = new Rows()
  t.same([...rows.cells("a", 3)], [0, 0, 0])
  rows.cells("a", 3)[1] = 7
  t.same([...rows.cells("a", 3)], [0, 7, 0])
  t.same([...rows.cells("b", 3)], [0, 0, 0])
})

t.test("memory is created once", async (t) => {
  const rows = new Rows()
  const memory = new SharedArrayBuffer(8)
  t.equal(rows.find("a"), undefined)
  t.equal(
    rows.memory("a", () => memory),
    memory,
  )
  t.equal(
    rows.memory("a", () => new SharedArrayBuffer(8)),
    memory,
  )
  t.equal(rows.find("a"), memory)
})

t.test("a row of another length is a defect", async (t) => {
  const rows = new Rows()
  rows.cells("a", 3)
  t.match(
    thrownBy(() => rows.cells("a", 4)),
    { message: "the row of a does not have 4 cells" },
  )
})

t.test("the next configuration takes over the rows that it asks for", async (t) => {
  const rows = new Rows()
  for (const identity of ["stays", "goes"]) rows.cells(identity, 1)[0] = 7
  const next = rows.next()
  t.same([...next.cells("stays", 1)], [7])
  t.same([...next.cells("comes", 1)], [0])
  next.dropOthers()
  t.same([...next.memories.keys()], ["stays", "comes"])
  t.same([...next.cells("goes", 1)], [0], "it begins anew")
  t.same([...rows.memories.keys()], ["stays", "goes"], "the previous one is as it was")
})

t.test("a row that one configuration leaves out is gone in the one after it", async (t) => {
  const rows = new Rows()
  rows.cells("a", 1)[0] = 7
  t.same([...rows.next().next().cells("a", 1)], [0])
})

t.test("a worker thread has the same rows, and creates none", async (t) => {
  const rows = new Rows()
  const cells = rows.cells("a", 1)
  const code = `
    const { workerData, parentPort } = require("node:worker_threads")
    import(workerData.url).then(({ Rows }) => {
      const rows = Rows.attach(workerData.memories)
      Atomics.add(rows.cells("a", 1), 0, 5)
      try { rows.cells("b", 1) } catch (error) { parentPort.postMessage(error.message) }
    })`
  const url = new URL("../../lib/shared/rows.js", import.meta.url).href
  const worker = new Worker(code, { eval: true, workerData: { url, memories: rows.memories } })
  const [[message]] = await Promise.all([once(worker, "message"), once(worker, "exit")])
  t.equal(message, "no shared memory for b")
  t.equal(cells[0], 5)
})
