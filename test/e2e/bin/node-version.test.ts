import { readFile } from "node:fs/promises"
import t from "tap"
import ts from "typescript"
import { tooOld } from "../../../bin/node-version.js"
import { Program, RWS } from "../../support/program/program.js"
import { readProjectFile } from "../../support/project/project.js"

const { engines } = JSON.parse(readProjectFile("package.json"))

for (const version of ["20.19.0", "20.20.2", "21.0.0", "22.12.0", "100.0.0"]) {
  t.test(`Node.js ${version} is new enough`, async (t) => {
    t.equal(tooOld(version), undefined)
  })
}

for (const version of ["20.18.9", "20.9.0", "18.20.8", "14.0.0", "0.12.18"]) {
  t.test(`Node.js ${version} is too old, and the message says what rws needs`, async (t) => {
    t.equal(
      tooOld(version),
      `rws needs Node.js ${engines.node.replace(">=", "")} or newer; this is ${version}`,
    )
  })
}

t.test("on an old Node.js the command line exits with code 2 before it loads anything else", async (t) => {
  const old =
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } })"
  const program = Program.start(t, process.execPath, [`--import=data:text/javascript,${old}`, RWS, "demo"])
  t.strictSame(await program.untilExit(), { code: 2, signal: null })
  t.equal(program.stderr, "rws needs Node.js 20.19 or newer; this is 18.20.8\n")
  t.equal(program.stdout, "")
})

t.test("the version check has no imports and no syntax that an old Node.js can't parse", async (t) => {
  const load = async (file: string) => readFile(new URL(file, `file://${RWS}`), "utf8")
  const [entry, version] = [await load("rws.js"), await load("node-version.js")]
  const staticImports = (text: string) =>
    [...text.matchAll(/^(?:import|export) .*?from "(.*)"/gm)].map(([, from]) => from)
  t.strictSame(staticImports(entry), ["./node-version.js"])
  t.strictSame(staticImports(version), [])
  for (const text of [entry, version]) {
    // Node.js 14.0 has the syntax of ES2020 and no top-level await.
    const { outputText } = ts.transpileModule(text, {
      compilerOptions: { target: ts.ScriptTarget.ES2020, module: ts.ModuleKind.ES2020 },
    })
    t.equal(codeOf(outputText), codeOf(text))
    t.notMatch(text, /\bawait\b/)
  }
})

/** Without white space and source map comment. */
function codeOf(text: string): string {
  return text.replace(/^\/\/# source.*$/m, "").replace(/\s/g, "")
}
