/** The methods of WsProxy are rendered from the schema. With UPDATE=1 this test writes them. */
import { writeFileSync } from "node:fs"
import t from "tap"
import { LISTENER } from "../lib/config/known-tables.js"
import type { Setting } from "../lib/settings/setting.js"
import { projectPath, readProjectFile } from "./support/project/project.js"

const FILE = "lib/builder.ts"
const MARKED =
  /(?<=\n {2}\/\/ Rendered from the schema [^\n]*\n)[\s\S]*?(?= {2}\/\/ End of the rendered methods\.\n)/
const MAX_COLUMNS = 110

/** `bind` and the constructor take these, and named pools are for whole configurations. */
const OTHERWISE = ["bind", "backends", "pool"]

function methodOf(setting: Setting): string {
  const name = setting.key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())
  const signature = `  ${name}(value: ListenerConfig["${setting.key}"]): this {`
  return `${docOf(setting)}\n${signature}\n    return this.#set({ ${setting.key}: value })\n  }\n`
}

function docOf({ description, default: standard, ifAbsent }: Setting): string {
  const text = `${description}. Default: ${ifAbsent ?? JSON.stringify(standard)}.`
  if (text.length + "  /**  */".length <= MAX_COLUMNS) return `  /** ${text} */`
  const lines = [""]
  for (const word of text.split(" ")) {
    const line = `${lines.at(-1)} ${word}`
    if (line.length + "   *".length <= MAX_COLUMNS) lines[lines.length - 1] = line
    else lines.push(` ${word}`)
  }
  return ["  /**", ...lines.map((line) => `   *${line}`), "   */"].join("\n")
}

const source = readProjectFile(FILE)
const methods = LISTENER.settings.filter(({ key }) => !OTHERWISE.includes(key)).map(methodOf)
const rendered = source.replace(MARKED, () => `${methods.join("\n")}\n`)
if (process.env.UPDATE) writeFileSync(projectPath(FILE), rendered)

t.test("WsProxy has a method for each key of a listener, as the schema describes it", async (t) => {
  t.match(source, MARKED)
  t.equal(readProjectFile(FILE), rendered)
})
