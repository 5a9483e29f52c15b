/** Programs under test as child processes: rws itself and the proxies that users put in front of it. */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { EventEmitter, once } from "node:events"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"
import type { Test } from "tap"

/** The compiled command line. */
export const RWS = fileURLToPath(new URL("../../../bin/rws.js", import.meta.url))

export interface Exit {
  /** Null if a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Surroundings {
  /** Default: the working directory of the test. */
  readonly cwd?: string | undefined
  /** Added to PATH and HOME. Nothing else is inherited, so local settings cannot change a test. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Sent when the test ends. Default: SIGKILL; a program with children needs one that it can handle. */
  readonly end?: NodeJS.Signals
  /** Descriptors that it inherits as 3, 4 and so on. */
  readonly inherit?: readonly number[]
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>

export class Program {
  stdout = ""
  stderr = ""
  /** Set once the process has ended and all its output has been read. */
  exit: Exit | undefined
  readonly #child: Child
  /** Emits "change" after every piece of output and at the exit. Many waits may run concurrently. */
  readonly #changes = new EventEmitter().setMaxListeners(0)

  private constructor(
    readonly name: string,
    child: Child,
  ) {
    this.#child = child
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text
      this.#changes.emit("change")
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text
      this.#changes.emit("change")
    })
    child.on("close", (code, signal) => {
      this.exit = { code, signal }
      this.#changes.emit("change")
    })
    // If the program can't be started, its exit code is negative and the message says why.
    child.on("error", ({ message }) => {
      this.stderr += message
    })
    // EPIPE: the program ended before it read its input.
    child.stdin.on("error", () => {})
  }

  /** Starts a program. It is killed when the test ends. */
  static start(
    t: Test,
    command: string,
    args: readonly string[],
    { cwd, env, end = "SIGKILL", inherit = [] }: Surroundings = {},
  ): Program {
    const { PATH = "", HOME = "" } = process.env
    const child = spawn(command, args, {
      cwd,
      env: { PATH, HOME, ...env },
      stdio: ["pipe", "pipe", "pipe", ...inherit],
    }) as Child
    const program = new Program([command, ...args].join(" "), child)
    t.teardown(() => {
      if (program.exit === undefined) program.signal(end)
      return program.untilExit()
    })
    return program
  }

  /** Standard output followed by standard error. */
  get output(): string {
    return this.stdout + this.stderr
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN
  }

  signal(signal: NodeJS.Signals): this {
    this.#child.kill(signal)
    return this
  }

  /** Writes to its standard input. */
  type(text: string): this {
    this.#child.stdin.write(text)
    return this
  }

  /** Waits until its output matches. Rejects if it ends first. */
  untilOutput(pattern: RegExp): Promise<RegExpExecArray> {
    return this.until(() => pattern.exec(this.output) ?? undefined, String(pattern))
  }

  /**
   * Calls `find` now and after each piece of output until it returns something. Rejects if the program ends
   * first.
   * @param what is awaited, for the error
   */
  async until<Found>(find: () => Found | undefined, what: string): Promise<Found> {
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      if (this.exit !== undefined) {
        throw new Error(`${this.name} ended, ${JSON.stringify(this.exit)}, before ${what}:\n${this.output}`)
      }
      await once(this.#changes, "change")
    }
  }

  async untilExit(): Promise<Exit> {
    while (this.exit === undefined) await once(this.#changes, "change")
    return this.exit
  }
}

/** Starts `rws` with these arguments. */
export function startRws(t: Test, args: readonly string[], surroundings: Surroundings = {}): Program {
  return Program.start(t, process.execPath, [RWS, ...args], surroundings)
}

/** Runs `rws` with these arguments until it exits. */
export async function runRws(
  t: Test,
  args: readonly string[],
  surroundings: Surroundings = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  const program = startRws(t, args, surroundings)
  const exit = await program.untilExit()
  return { ...exit, stdout: program.stdout, stderr: program.stderr }
}

/** A serving `rws` and where its first listener listens, as `127.0.0.1:PORT`. */
export interface Serving {
  readonly rws: Program
  readonly address: string
}

/** Serves these backends on a free loopback port. */
export async function serveRws(
  t: Test,
  backends: readonly string[],
  flags: readonly string[] = [],
): Promise<Serving> {
  const named = backends.flatMap((backend) => ["--backend", backend])
  return untilServing(startRws(t, ["--bind", "127.0.0.1:0", ...named, ...flags]))
}

/** Serves this configuration, whose first listener binds a free port. */
export async function serveFile(t: Test, toml: string): Promise<Serving> {
  const file = join(await temporaryFolder(t), "rws.toml")
  await writeFile(file, toml)
  return untilServing(startRws(t, ["--config", file]))
}

/** Waits for the log line of a listener that has started. */
export async function untilServing(rws: Program): Promise<Serving> {
  const { bind } = await untilLogged(rws, ({ msg }) => msg === "listening")
  return { rws, address: String(bind) }
}

/** One line of the log. */
export type LogLine = Readonly<Record<string, unknown>>

/** The complete log lines so far. Throws if a line is not JSON. */
export function logOf({ stdout }: Program): LogLine[] {
  const lines = stdout.slice(0, stdout.lastIndexOf("\n") + 1).split("\n")
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line))
}

/** Waits for the first log line that matches. */
export function untilLogged(rws: Program, isIt: (line: LogLine) => boolean): Promise<LogLine> {
  return rws.until(() => logOf(rws).find(isIt), `the log line where ${isIt}`)
}

/** A new folder for one test, removed when it ends. */
export async function temporaryFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "rws-test-"))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}
