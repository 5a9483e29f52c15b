/** Starts and controls `command-line-host.ts`. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Test } from "tap"

const HOST = fileURLToPath(new URL("./command-line-host.js", import.meta.url))

export interface CommandLine {
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
}

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs command lines that exit by themselves, one after the other, in one process. */
export class CommandLines {
  private constructor(private readonly host: ChildProcess) {}

  /** The process is killed when the test ends. */
  static start(t: Test): CommandLines {
    const host = fork(HOST)
    t.teardown(() => host.kill("SIGKILL"))
    return new CommandLines(host)
  }

  /** Rejects if the process ends instead of the command line. */
  async run(
    args: readonly string[],
    { cwd = process.cwd(), env = {} }: Partial<Omit<CommandLine, "args">> = {},
  ): Promise<Outcome> {
    const { PATH = "", HOME = "" } = process.env
    const commandLine: CommandLine = { args, cwd, env: { PATH, HOME, ...env } }
    this.host.send(commandLine)
    const ended = new AbortController()
    const onExit = () => ended.abort(new Error(`the command line host ended: rws ${args.join(" ")}`))
    this.host.once("exit", onExit)
    try {
      const [outcome] = (await once(this.host, "message", { signal: ended.signal })) as [Outcome]
      return outcome
    } finally {
      this.host.off("exit", onExit)
    }
  }
}
