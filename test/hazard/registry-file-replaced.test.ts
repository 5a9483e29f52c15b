/**
 * A registry's file that is replaced all the time: every lookup sees one whole version, and the last one
 * wins.
 */
import { rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import t from "tap"
import { turnUntil } from "../support/pool/turns.js"
import { temporaryFolder } from "../support/program/program.js"
import { startRegistry } from "../support/registry/asked.js"

const VERSIONS = 100
const ENDPOINTS = 200

/** All endpoints of one version lead to the same port. Every tenth version is cut off. */
function textOf(version: number): string {
  const entries = Array.from({ length: ENDPOINTS }, (_, index) => [
    `ep${index}`,
    { url: `ws://chat.example:${9000 + version}` },
  ])
  const text = JSON.stringify({ endpoints: Object.fromEntries(entries) })
  return version % 10 === 5 ? text.slice(0, text.length / 2) : text
}

t.test("lookups go on while the file is replaced a hundred times", async (t) => {
  const file = join(await temporaryFolder(t), "endpoints.json")
  await writeFile(file, textOf(0))
  const { locate, faults } = await startRegistry(t, { store: "file", file })
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  const portOf = async (index: number) => (await locate(`/?id=ep${index}`)).running?.pool.backends[0]
  for (let version = 1; version <= VERSIONS; version++) {
    await writeFile(`${file}.new`, textOf(version))
    await rename(`${file}.new`, file)
    for (let turn = 0; turn < 20; turn++) {
      const [first, last] = await Promise.all([portOf(0), portOf(ENDPOINTS - 1)])
      if (first !== last || first === undefined) t.fail(`${first} and ${last} are of two versions`)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const newest = `ws://chat.example:${9000 + VERSIONS}`
  let seen: string | undefined
  await turnUntil(() => {
    void portOf(0).then((port) => {
      seen = port
    })
    return seen === newest
  }, "the last version")
  t.ok(faults.every(({ message }) => /not valid JSON/.test(message)))
})
