/**
 * `npm test`: runs every compiled test file as a process of its own, several at a time, and prints failures
 * and a summary. Arguments select the files whose path contains one of them.
 *
 * tap's own runner makes every file record what it loads, for coverage: that takes more CPU than the tests.
 */
import { readdirSync } from "node:fs"
import { availableParallelism } from "node:os"
import { projectPath } from "./support/project/project.js"
import { runTestFile, type TestRun } from "./support/run/test-file.js"

/**
 * Most slow files wait for timers and for programs they started, so more of them run than there are cores.
 */
const JOBS = availableParallelism() * 2

/** Started first, since their slowest files take longest. */
const SLOW_FOLDERS = ["e2e/", "hazard/"]

const files = findTestFiles(process.argv.slice(2))
if (files.length === 0) {
  console.error("No test file matches. To list them: ls -R dist/test")
  process.exit(1)
}

const startedAt = performance.now()
const runs: TestRun[] = []
await Promise.all(Array.from({ length: JOBS }, runNext))
process.exitCode = report() ? 0 : 1

function findTestFiles(parts: readonly string[]): string[] {
  const rankOf = (path: string) =>
    [...SLOW_FOLDERS, ""].findIndex((folder) => path.startsWith(`dist/test/${folder}`))
  return readdirSync(projectPath("dist/test"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.js"))
    .map((path) => `dist/test/${path.replaceAll("\\", "/")}`)
    .filter((path) => parts.length === 0 || parts.some((part) => path.includes(part)))
    .sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1))
}

async function runNext(): Promise<void> {
  for (let file = files.shift(); file !== undefined; file = files.shift()) {
    const run = await runTestFile(file)
    runs.push(run)
    if (!run.passed) console.log(describeFailure(run))
    else if (run.stderr !== "") console.log(`${file} passed, but wrote to standard error:\n${run.stderr}`)
  }
}

/** The failed assertions with tap's diagnostics; the end of the output if tap reported none. */
function describeFailure({ file, exit, failures, stdout, stderr }: TestRun): string {
  const details = failures.map(({ titles, diagnostics }) => `  ${titles.join(" > ")}\n${diagnostics}`)
  const lastLines = failures.length > 0 ? [] : stdout.trimEnd().split("\n").slice(-20)
  return [`FAILED ${file}, ${exit}`, ...details, ...lastLines, stderr]
    .filter((part) => part !== "")
    .join("\n")
}

/** Prints the summary. Returns whether everything passed. */
function report(): boolean {
  const failed = runs.filter(({ passed }) => !passed)
  const sum = (key: "total" | "fail" | "skip") =>
    runs.reduce((sum, { totals }) => sum + (totals?.[key] ?? 0), 0)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  console.log(
    `${runs.length} test files, ${failed.length} failed; ` +
      `${sum("total")} assertions, ${sum("fail")} failed, ${sum("skip")} skipped; ${seconds} s`,
  )
  for (const { file } of failed) console.log(`  node ${file}`)
  return failed.length === 0
}
