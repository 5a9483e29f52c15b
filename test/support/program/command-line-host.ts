/**
 * Runs many command lines of rws in one process, since starting the program costs 0.3 s of CPU time. Only for
 * command lines that exit by themselves: errors and `check`. Controlled by messages from `command-lines.ts`.
 */
import { pathToFileURL } from "node:url"
import type { CommandLine, Outcome } from "./command-lines.js"
import { RWS } from "./program.js"

const COMMAND_LINE = new URL("command-line.js", pathToFileURL(RWS))
let runs = 0

/** Thrown by `process.exit` while a command line runs, so that the host survives. */
class Exit extends Error {
  constructor(readonly exitCode: number) {
    super(`exit ${exitCode}`)
  }
}

const exitHost = process.exit.bind(process)
process.exit = (code) => {
  throw new Exit(Number(code ?? process.exitCode ?? 0))
}

async function run({ args, cwd, env }: CommandLine): Promise<Outcome> {
  const written = { stdout: "", stderr: "" }
  const { stdout, stderr } = process
  const streams = { stdout: stdout.write, stderr: stderr.write }
  stdout.write = (text: string | Uint8Array) => {
    written.stdout += text
    return true
  }
  stderr.write = (text: string | Uint8Array) => {
    written.stderr += text
    return true
  }
  process.argv = [process.execPath, RWS, ...args]
  process.chdir(cwd)
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, env)
  process.exitCode = undefined
  try {
    // The module parses process.argv when evaluated. The query makes it a new module; its imports stay
    // cached.
    await import(`${COMMAND_LINE}?run=${++runs}`)
    return { code: Number(process.exitCode ?? 0), ...written }
  } catch (error) {
    if (!(error instanceof Exit)) throw error
    return { code: error.exitCode, ...written }
  } finally {
    stdout.write = streams.stdout
    stderr.write = streams.stderr
    stdout.removeAllListeners("error")
    process.exitCode = 0
  }
}

process.on("message", (commandLine: CommandLine) => {
  void run(commandLine).then((outcome) => process.send?.(outcome))
})
process.on("disconnect", () => exitHost())
