/**
 * README.md and CHANGELOG.md agree with the code. What the README's examples do is tested in
 * e2e/readme.test.ts.
 */
import { writeFileSync } from "node:fs"
import t from "tap"
import { CLOSE_REASONS } from "../lib/close-reason.js"
import { projectPath, readProjectFile } from "./support/project/project.js"
import { README } from "./support/project/readme.js"

const CHANGELOG = readProjectFile("CHANGELOG.md")
const { name, version } = JSON.parse(readProjectFile("package.json"))

const TABLE_OF_REASONS = /(?<=^\| code \| who \| stage \| status \| meaning \|\n\|[-|]+\|\n)(?:\|.*\|\n)*/m

/** Each close reason as a row of the README, in the order of the code. */
function rowsOfReasons(): string {
  const rows = Object.entries(CLOSE_REASONS).map(([code, row]) => {
    const status = "status" in row ? row.status : "–"
    return `| \`${code}\` | ${row.who} | ${row.stage} | ${status} | ${row.text} |\n`
  })
  return rows.join("")
}

t.test("the README's table of close reasons is that of the code", async (t) => {
  const [written] = TABLE_OF_REASONS.exec(README) ?? []
  t.not(written, undefined, "the README has the table")
  if (process.env.TAP_SNAPSHOT === "1") {
    writeFileSync(projectPath("README.md"), README.replace(TABLE_OF_REASONS, rowsOfReasons))
    return
  }
  t.equal(written, rowsOfReasons(), "run with TAP_SNAPSHOT=1 to rewrite the table")
})

t.test("prose ends at 110 columns", async (t) => {
  for (const [file, text] of Object.entries({ "README.md": README, "CHANGELOG.md": CHANGELOG })) {
    const prose = text.replace(/^```.*?^```$/gms, (block) => "\n".repeat(block.split("\n").length - 1))
    const tooLong = prose
      .split("\n")
      .flatMap((line, index) => (line.length > 110 && !line.startsWith("|") ? [`${file}:${index + 1}`] : []))
    t.strictSame(tooLong, [])
  }
})

t.test("every link to a heading of the README leads to one", async (t) => {
  const headings = [...README.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading))
  const links = [...README.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = ""]) => anchor)
  t.ok(links.length > 0, "links were found")
  for (const link of links) t.ok(headings.includes(link), `#${link}`)
})

/** The anchor that GitHub and npm give a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w -]/g, "")
    .replaceAll(" ", "-")
}

t.test("the README installs the tarball that npm pack writes", async (t) => {
  const tarballs = [...README.matchAll(/[\w.-]+\.tgz/g)].map(([tarball]) => tarball)
  t.strictSame([...new Set(tarballs)], [`${name}-${version}.tgz`])
})

t.test(
  "the changelog has the form of Keep a Changelog, and a section for this version or the next",
  async (t) => {
    const sections = [...CHANGELOG.matchAll(/^## \[(.+?)\]/gm)].map(([, section]) => section)
    t.ok(sections.includes("Unreleased") || sections.includes(version))
    const kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for (const [, kind = ""] of CHANGELOG.matchAll(/^### (.*)$/gm)) t.ok(kinds.includes(kind), kind)
  },
)
