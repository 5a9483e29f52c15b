import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { CommandLines } from "../../support/program/command-lines.js"
import { Program, temporaryFolder } from "../../support/program/program.js"
import { blocksOf } from "../../support/project/readme.js"

const commandLines = CommandLines.start(t)
const service = await commandLines.run(["systemd"])
const socket = await commandLines.run(["systemd", "--socket"])
const analyze = Program.start(t, "systemd-analyze", ["--version"])
await analyze.untilExit()
const skip = analyze.exit?.code !== 0 && !process.env.CI && "systemd is not installed"
/** Exposure is counted from 0, none, to 10. */
const MAX_EXPOSURE = 3

t.test("rws systemd prints the units that the README shows", async (t) => {
  t.match(
    [service, socket],
    [
      { code: 0, stderr: "" },
      { code: 0, stderr: "" },
    ],
  )
  t.strictSame(blocksOf("ini"), [service.stdout, socket.stdout])
})

/** A folder with both units. */
async function unitFolder(t: Test): Promise<string> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, "rws.service"), service.stdout)
  await writeFile(join(folder, "rws.socket"), socket.stdout)
  return folder
}

t.test("systemd-analyze verify finds nothing wrong with the units", { skip }, async (t) => {
  const folder = await unitFolder(t)
  const verify = Program.start(
    t,
    "systemd-analyze",
    ["verify", "--man=no", join(folder, "rws.service"), join(folder, "rws.socket")],
    { env: { SYSTEMD_UNIT_PATH: `${folder}:` } },
  )
  t.strictSame(await verify.untilExit(), { code: 0, signal: null })
  const ours = verify.output.split("\n").filter((line) => line.includes(folder) || /^rws\./.test(line))
  t.strictSame(ours, [])
})

t.test(`systemd-analyze rates the exposure of the service below ${MAX_EXPOSURE}`, { skip }, async (t) => {
  const file = join(await unitFolder(t), "rws.service")
  const security = Program.start(t, "systemd-analyze", ["security", "--offline=yes", "--no-pager", file])
  const [, exposure = ""] = await security.untilOutput(/exposure level for rws\.service: ([\d.]+)/)
  t.ok(Number(exposure) < MAX_EXPOSURE, exposure)
})
