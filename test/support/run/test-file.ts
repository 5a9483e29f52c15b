/** Runs one test file as a process of its own. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { projectPath } from "../project/project.js"
import { readTap, type TapReport } from "./tap-output.js"

export interface TestRun extends TapReport {
  /** Relative to the project's root. */
  readonly file: string
  readonly passed: boolean
  /** How the process ended, as in "exit code 1" or "SIGKILL". */
  readonly exit: string
  readonly stdout: string
  readonly stderr: string
}

/** tap fails tests that take longer. Generous, since loaded CI machines are slow. */
const TIMEOUT_S = 120
/** tap can't interrupt a busy loop, so the process is killed then. */
const KILL_AFTER_MS = (TIMEOUT_S + 10) * 1000

export async function runTestFile(file: string): Promise<TestRun> {
  const child = spawn(process.execPath, [file], {
    cwd: projectPath("."),
    env: { ...process.env, TAP_TIMEOUT: String(TIMEOUT_S) },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: KILL_AFTER_MS,
    killSignal: "SIGKILL",
  })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
  })
  await once(child, "close")
  // A file that exits before tap has counted its assertions, or that has none, fails.
  const report = readTap(stdout)
  const { total = 0, fail = 0 } = report.totals ?? {}
  const passed = child.exitCode === 0 && total > 0 && fail === 0
  return { file, passed, exit: child.signalCode ?? `exit code ${child.exitCode}`, stdout, stderr, ...report }
}
