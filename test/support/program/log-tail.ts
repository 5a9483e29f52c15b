/** Reads the log file of an rws while it grows. */
import { type FileHandle, open } from "node:fs/promises"
import { setTimeout } from "node:timers/promises"
import type { Test } from "tap"
import type { LogLine } from "./program.js"

const LOOK_MS = 20

export class LogTail {
  /** Read so far. */
  readonly lines: LogLine[] = []
  #rest = ""

  private constructor(private readonly file: FileHandle) {}

  /** Opens the file, and creates it if it is not there yet. It is closed when the test ends. */
  static async open(t: Test, path: string): Promise<LogTail> {
    const file = await open(path, "a+")
    t.teardown(() => file.close())
    return new LogTail(file)
  }

  /** Waits for a matching line among those that are read from now on. */
  async untilNext(isIt: (line: LogLine) => boolean): Promise<LogLine> {
    await this.read()
    return this.#find(this.lines.length, isIt)
  }

  /** Waits for the first matching line. */
  until(isIt: (line: LogLine) => boolean): Promise<LogLine> {
    return this.#find(0, isIt)
  }

  async read(): Promise<void> {
    this.#rest += await this.file.readFile("utf8")
    const lines = this.#rest.split("\n")
    this.#rest = lines.pop() ?? ""
    for (const line of lines) this.lines.push(JSON.parse(line))
  }

  async #find(from: number, isIt: (line: LogLine) => boolean): Promise<LogLine> {
    for (let next = from; ; await setTimeout(LOOK_MS)) {
      await this.read()
      for (; next < this.lines.length; next++) {
        const line = this.lines[next]
        if (line !== undefined && isIt(line)) return line
      }
    }
  }
}
