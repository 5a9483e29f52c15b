import { closeSync, readFileSync } from "node:fs"
import { join } from "node:path"
import t from "tap"
import { LineWriter, openLogFile } from "../../lib/ops/line-writer.js"
import { temporaryFolder } from "../support/program/program.js"

const FLUSH_MS = 5000
const FULL = "/dev/full"
const full = await openLogFile(FULL).catch(() => undefined)
if (full !== undefined) closeSync(full)
const noFull = full === undefined && `no ${FULL}`

t.test("lines are appended to the file in their order", async (t) => {
  const file = join(await temporaryFolder(t), "log")
  const writer = new LineWriter(await openLogFile(file))
  writer.write("one\n")
  writer.write("two\n")
  await writer.flush(FLUSH_MS)
  t.equal(readFileSync(file, "utf8"), "one\ntwo\n")
})

t.test("lines written before a replacement of the descriptor go to either file, each whole", async (t) => {
  const folder = await temporaryFolder(t)
  const [before, after] = [join(folder, "before"), join(folder, "after")]
  const writer = new LineWriter(await openLogFile(before))
  const written = Array.from({ length: 2000 }, (_, index) => `line ${index} ${"x".repeat(100)}`)
  const next = await openLogFile(after)
  for (const [index, line] of written.entries()) {
    writer.write(`${line}\n`)
    if (index === 1000) writer.replace(next)
  }
  await writer.flush(FLUSH_MS)
  const read = [before, after].flatMap((file) => readFileSync(file, "utf8").split("\n").slice(0, -1))
  t.strictSame(read, written)
  t.not(readFileSync(after, "utf8"), "")
})

t.test("lines that a full disk did not take go to the file that replaces it", { skip: noFull }, async (t) => {
  const file = join(await temporaryFolder(t), "log")
  const complaints = t.capture(console, "error")
  const writer = new LineWriter(await openLogFile(FULL))
  const long = `${"x".repeat(5000)}\n`
  writer.write(long)
  while (complaints().length === 0) await new Promise((resolve) => setImmediate(resolve))
  writer.replace(await openLogFile(file))
  writer.write("next\n")
  await writer.flush(FLUSH_MS)
  t.equal(readFileSync(file, "utf8"), `${long}next\n`)
})
