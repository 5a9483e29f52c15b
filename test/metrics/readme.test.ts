/** The README's table of metrics is rendered from the code. With UPDATE=1 this test writes it. */
import { writeFileSync } from "node:fs"
import t from "tap"
import { FAMILIES } from "../../lib/metrics/registry.js"
import { projectPath, readProjectFile } from "../support/project/project.js"

const MARKED = /(?<=<!-- metrics, from the code -->\n)[\s\S]*?(?=<!-- end of metrics -->)/

/** A limit is explained with the number that it limits. */
const shown = FAMILIES.filter(({ name }) => !name.endsWith("_limit"))

const rows = shown.map(({ name, type, labelNames, help }) => {
  const labels = labelNames.map((label) => `\`${label}\``).join(", ") || "–"
  return `| \`${name}\` | ${type} | ${labels} | ${help.replace(/\.$/, "")} |\n`
})
const table = `| metric | type | labels | meaning |\n|---|---|---|---|\n${rows.join("")}`

t.test("the README's table of metrics is that of the code", async (t) => {
  const readme = readProjectFile("README.md")
  t.match(readme, MARKED)
  const rendered = readme.replace(MARKED, table)
  if (process.env.UPDATE) writeFileSync(projectPath("README.md"), rendered)
  t.equal(readProjectFile("README.md"), rendered)
})
