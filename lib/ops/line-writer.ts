/**
 * Writes lines to a file descriptor in batches, for a log that must not stop the proxy: writes never block
 * the event loop, the buffer is bounded, and lines that can't be written are dropped.
 */
import { close, constants, open, write, writeSync } from "node:fs"
import { promisify } from "node:util"

/** How long lines are collected for one write. Also the pause before a full pipe is retried. */
const BATCH_MS = 100
const BATCH_CHARS = 4096
const MAX_WAITING_CHARS = 1024 * 1024

/** Deadline of the synchronous flush in a process that exits without `flush`, and pause between retries. */
const EXIT_FLUSH_MS = 500
const EXIT_RETRY_MS = 10

const LF = 0x0a

/** Creates the file if needed. A FIFO without a reader is an error instead of a wait. */
const APPEND = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NONBLOCK
/** Not world-readable: lines contain clients' addresses. */
const FILE_MODE = 0o640

/** Opens a file to append lines to. Rejects with the system's error. */
export function openLogFile(path: string): Promise<number> {
  return promisify(open)(path, APPEND, FILE_MODE)
}

export class LineWriter {
  #fd: number
  /** Replaces `#fd` between two batches. */
  #nextFd: number | undefined
  #waiting = ""
  /** The batch in flight. After a failure its rest is kept, since part of a line may have been written. */
  #batch: Buffer | undefined
  /** Its last write ended within a line. */
  #isInLine = false
  #isWriting = false
  #isBroken = false
  #timer: NodeJS.Timeout | undefined
  #onSettled: (() => void) | undefined

  constructor(fd: number) {
    this.#fd = fd
    process.on("exit", () => this.#flushAtExit())
  }

  /** Appends a line, which includes its LF. Drops it while 1 MiB is waiting. */
  write(line: string): void {
    if (this.#waiting.length + line.length > MAX_WAITING_CHARS) return
    this.#waiting += line
    if (this.#isWriting) return
    if (this.#waiting.length >= BATCH_CHARS && !this.#isBroken) this.#writeNext()
    else this.#schedule()
  }

  /**
   * Resolves when all lines have been written, when they can't be, or after `timeoutMs`. Remaining lines are
   * dropped.
   */
  async flush(timeoutMs: number): Promise<void> {
    if (!this.#isWriting) this.#writeNext()
    if (this.#isWriting) {
      await new Promise<void>((resolve) => {
        const deadline = setTimeout(resolve, timeoutMs)
        this.#onSettled = () => {
          clearTimeout(deadline)
          resolve()
        }
      })
      this.#onSettled = undefined
    }
    this.#waiting = ""
    this.#batch = undefined
  }

  /**
   * Writes later lines to another descriptor, and closes the current one. The batch in flight goes to the old
   * one, unless it fails there.
   */
  replace(fd: number): void {
    if (this.#nextFd !== undefined) close(this.#nextFd)
    this.#nextFd = fd
    if (!this.#isWriting) this.#switch()
  }

  #switch(): void {
    if (this.#nextFd === undefined) return
    close(this.#fd)
    this.#fd = this.#nextFd
    this.#nextFd = undefined
    this.#isBroken = false
    // The old descriptor has the beginning of the line, so its rest is dropped.
    if (this.#isInLine && this.#batch !== undefined) {
      const rest = this.#batch.subarray(this.#batch.indexOf(LF) + 1)
      this.#batch = rest.length > 0 ? rest : undefined
    }
    this.#isInLine = false
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#writeNext(), BATCH_MS).unref()
  }

  #writeNext(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#batch ?? Buffer.from(this.#waiting)
    if (this.#batch === undefined) this.#waiting = ""
    if (batch.length === 0) return
    this.#batch = batch
    this.#isWriting = true
    write(this.#fd, batch, (error, written) => {
      this.#isWriting = false
      if (error === null) {
        this.#isInLine = batch[written - 1] !== LF
        this.#onWritten(batch.subarray(written))
      } else this.#onFailure(error)
    })
  }

  #onWritten(rest: Buffer): void {
    this.#isBroken = false
    this.#batch = rest.length > 0 ? rest : undefined
    if (this.#batch === undefined) this.#switch()
    if (this.#batch !== undefined || this.#waiting.length > 0) this.#writeNext()
    else this.#onSettled?.()
  }

  #onFailure({ code, message }: NodeJS.ErrnoException): void {
    // The reader of a pipe is slow. Any other error is retried with the next line.
    if (code === "EAGAIN") {
      this.#switch()
      this.#schedule()
      return
    }
    if (!this.#isBroken) console.error(`the log can't be written: ${message}`)
    this.#isBroken = true
    this.#switch()
    this.#onSettled?.()
  }

  /** Also runs after an uncaught exception. libuv completes a write in flight while the process exits. */
  #flushAtExit(): void {
    const deadline = performance.now() + EXIT_FLUSH_MS
    const clock = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
    const kept = this.#isWriting || this.#batch === undefined ? [] : [this.#batch]
    let bytes = Buffer.concat([...kept, Buffer.from(this.#waiting)])
    while (bytes.length > 0 && performance.now() < deadline) {
      try {
        bytes = bytes.subarray(writeSync(this.#fd, bytes))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return
        Atomics.wait(clock, 0, 0, EXIT_RETRY_MS)
      }
    }
  }
}
