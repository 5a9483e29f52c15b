/** A pipe for a program's standard output, whose reader can stall or close. */
import { execFileSync } from "node:child_process"
import { EventEmitter, once } from "node:events"
import { closeSync, constants, openSync, writeSync } from "node:fs"
import { Socket } from "node:net"
import { join } from "node:path"
import type { Test } from "tap"
import { temporaryFolder } from "./program.js"

const FILLER = Buffer.alloc(512, ".")

export class OutputPipe {
  text = ""
  readonly #changes = new EventEmitter()

  private constructor(
    /** The program's end: blocking, as from a shell. */
    readonly fd: number,
    private readonly filling: number,
    private readonly reader: Socket,
  ) {
    reader.setEncoding("utf8").on("data", (text: string) => {
      this.text += text
      this.#changes.emit("change")
    })
  }

  /** It is removed when the test ends. */
  static async open(t: Test): Promise<OutputPipe> {
    const path = join(await temporaryFolder(t), "pipe")
    execFileSync("mkfifo", [path])
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const filling = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    const fd = openSync(path, constants.O_WRONLY)
    const pipe = new OutputPipe(fd, filling, new Socket({ fd: reader, readable: true, writable: false }))
    t.teardown(() => {
      pipe.leave()
      closeSync(filling)
      closeSync(fd)
    })
    return pipe
  }

  async untilText(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.text)
      if (match !== null) return match
      await once(this.#changes, "change")
    }
  }

  /** Stops reading and fills the pipe. */
  stall(): void {
    this.reader.pause()
    try {
      for (;;) writeSync(this.filling, FILLER)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error
    }
  }

  /** Closes the reader's end. */
  leave(): void {
    this.reader.destroy()
  }
}
