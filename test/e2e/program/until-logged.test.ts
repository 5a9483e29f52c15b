/** The tests of the program wait for its log. Other output must neither end nor block that wait. */
import t from "tap"
import { Program, untilLogged } from "../../support/program/program.js"

const WARN_THEN_LOG = `
  process.stderr.write("a warning\\n".repeat(3))
  process.stdin.once("data", () => {
    console.log(JSON.stringify({ msg: "hello" }))
    process.stdin.destroy()
  })
`

t.test("untilLogged waits for its log line although standard error has lines already", async (t) => {
  const program = Program.start(t, process.execPath, ["-e", WARN_THEN_LOG])
  await program.untilOutput(/(a warning\n){3}/)
  const line = untilLogged(program, ({ msg }) => msg === "hello")
  program.type("go\n")
  t.same(await line, { msg: "hello" })
})

t.test("untilLogged rejects when the program ends without the log line", async (t) => {
  const program = Program.start(t, process.execPath, ["-e", WARN_THEN_LOG])
  program.type("go\n")
  await t.rejects(
    untilLogged(program, ({ msg }) => msg === "bye"),
    /ended, .* before the log line where .*bye/,
  )
})
