/** The test runner: a file that fails, dies or asserts nothing must never pass. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t from "tap"
import { temporaryFolder } from "./support/program/program.js"
import { readTap } from "./support/run/tap-output.js"
import { runTestFile } from "./support/run/test-file.js"

const OUTPUT = `TAP version 14
# Subtest: outer
    # Subtest: inner
        ok 1 - fine
        not ok 2 - two numbers
          ---
          diff: |
            not ok 1 - a line of the diagnostics
          ...
        
        1..2
    not ok 1 - inner # time=1ms
      ---
      at:
        lineNumber: 2
      ...
    
    ok 2 - after
    1..2
not ok 1 - outer # time=2ms
# Subtest: plan
    ok 1 - fine
    1..2
not ok 2 - plan
not ok 3 - later # TODO
ok 4 - elsewhere # SKIP
not ok 5 - by itself
1..5
# { total: 7, pass: 3, fail: 3, todo: 1, skip: 1 }
# time=3ms
`

t.test("failures name the tests around them, and a failed subtest is not listed twice", async (t) => {
  t.strictSame(
    readTap(OUTPUT).failures.map(({ titles }) => titles.join(" > ")),
    ["outer > inner > two numbers", "plan", "by itself"],
  )
  t.match(readTap(OUTPUT).failures[0]?.diagnostics, /^ *---\n *diff: \|\n.*\n *\.\.\.$/)
})

t.test("the totals are tap's last line", async (t) => {
  t.strictSame(readTap(OUTPUT).totals, { total: 7, fail: 3, skip: 1 })
  t.equal(readTap("ok 1 - fine\n").totals, undefined)
})

for (const [file, script, passed, exit] of [
  ["counted no failure", `console.log("# { total: 1, pass: 1 }")`, true, "exit code 0"],
  ["exited with 3", `console.log("# { total: 1, pass: 1 }"); process.exit(3)`, false, "exit code 3"],
  ["counted a failure", `console.log("# { total: 1, fail: 1 }")`, false, "exit code 0"],
  ["ended early", `console.log("ok 1")`, false, "exit code 0"],
  ["asserted nothing", `console.log("# { total: 0 }")`, false, "exit code 0"],
  ["was killed", `process.kill(process.pid, "SIGKILL")`, false, "SIGKILL"],
] as const) {
  t.test(`a file that ${file} ${passed ? "passes" : "fails"}`, async (t) => {
    const path = join(await temporaryFolder(t), "some.test.mjs")
    await writeFile(path, script)
    t.match(await runTestFile(path), { passed, exit })
  })
}
