import { rename, writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { FileSource } from "../../lib/registry/file-source.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import { turnUntil } from "../support/pool/turns.js"
import { temporaryFolder } from "../support/program/program.js"
import { rejectionOf } from "../support/project/thrown.js"

const TOML = `
# What each room is called.
[endpoints.ep1]
url = "ws://one.example:9000"

[endpoints."a b/c"]
url = "ws://two.example"
active = false
`

async function fileWith(t: Test, name: string, text: string): Promise<string> {
  const file = join(await temporaryFolder(t), name)
  await writeFile(file, text)
  return file
}

function sourceOf(t: Test, file: string): { readonly source: FileSource; readonly faults: string[] } {
  const faults: string[] = []
  const source = new FileSource(file, ({ message }) => void faults.push(message))
  // A watch does not keep the process alive.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => {
    source.stop()
    clearInterval(alive)
  })
  return { source, faults }
}

t.test("endpoints are read from TOML", async (t) => {
  const { source } = sourceOf(t, await fileWith(t, "endpoints.toml", TOML))
  await source.prepare()
  t.equal(source.get("ep1")?.address, "ws://one.example:9000")
  t.equal(source.get("a b/c")?.isActive, false)
  t.equal(source.get("ep2"), undefined)
})

t.test("endpoints are read from JSON, whatever their keys are", async (t) => {
  const json = `\ufeff{ "endpoints": { "__proto__": { "url": "ws://one.example" }, "": { "url": "ws://two.example" } } }`
  const { source } = sourceOf(t, await fileWith(t, "endpoints.JSON", json))
  await source.prepare()
  t.equal(source.get("__proto__")?.address, "ws://one.example")
  t.equal(source.get("constructor"), undefined)
})

for (const name of ["endpoints.json", "endpoints.toml"]) {
  t.test(`an empty ${name} has no endpoints`, async (t) => {
    const { source } = sourceOf(t, await fileWith(t, name, ""))
    await source.prepare()
    t.equal(source.get("ep1"), undefined)
  })
}

const INVALID: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ["a.toml", "[endpoints.ep1]\nurl = secret\n", /can't be parsed: line 2 is not valid TOML$/],
  ["a.json", '{ "endpoints": secret }', /can't be parsed: it is not valid JSON/],
  ["a.json", "[]", /expected a table "endpoints"/],
  ["a.json", '"secret"', /expected a table "endpoints"/],
  ["a.json", '{ "endpoints": [] }', /expected a table "endpoints"/],
  ["a.toml", "[ep1]\nurl = 'ws://secret'\n", /unknown key "ep1": expected \[endpoints.ID\]$/],
  ["a.toml", "[endpoints.ep1]\nurl = 'ws://secret@a.example'\n", /: endpoint "ep1": url: expected ws:/],
  ["a.toml", "[endpoints.ep1]\n[endpoints.ep2]\nurl='ws://a'\n", /: endpoint "ep1": url: /],
]

for (const [name, text, message] of INVALID) {
  t.test(`${JSON.stringify(text)} is refused at the start`, async (t) => {
    const error = await rejectionOf(async () => sourceOf(t, await fileWith(t, name, text)).source.prepare())
    t.ok(error instanceof SettingError)
    t.match(error, { message })
    t.notMatch(error, { message: /secret/ })
  })
}

t.test("a file that is none is refused", async (t) => {
  const folder = await temporaryFolder(t)
  for (const [file, message] of [
    [join(folder, "none.toml"), /can't be read: there is no such file/],
    [folder, /can't be read: it is a folder/],
    ["/dev/zero", /can't be read: it is not a regular file/],
  ] as const) {
    const error = await rejectionOf(() => sourceOf(t, file).source.prepare())
    t.ok(error instanceof SettingError)
    t.match(error, { message })
  }
})

t.test("a new version counts by itself, and one with a mistake changes nothing", async (t) => {
  const file = await fileWith(t, "endpoints.toml", TOML)
  const { source, faults } = sourceOf(t, file)
  await source.prepare()
  const put = async (text: string) => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  await put('[endpoints.ep1]\nurl = "ws://new.example"\n')
  await turnUntil(() => source.get("ep1")?.address === "ws://new.example", "the new version")
  t.equal(source.get("a b/c"), undefined)
  await put('[endpoints.ep1]\nurl = "nowhere"\n')
  await turnUntil(() => faults.length > 0, "the fault")
  t.match(faults, [/endpoint "ep1": url: /])
  t.equal(source.get("ep1")?.address, "ws://new.example")
  await put('[endpoints.ep1]\nurl = "ws://newest.example"\n')
  await turnUntil(() => source.get("ep1")?.address === "ws://newest.example", "the newest version")
  t.equal(faults.length, 1)
})
