/**
 * Standard output whose `write` has been replaced, as in PM2's cluster mode: descriptor 1 of its workers is
 * that of its daemon, and only the method writes to the worker's own log file.
 */

/** Whether output must go through the method, because descriptor 1 belongs to another process. */
export function isOutputReplaced(): boolean {
  return Object.hasOwn(process.stdout, "write")
}

export class ReplacedOutput {
  #waiting = 0
  #onWritten: (() => void) | undefined
  readonly #written = () => {
    if (--this.#waiting === 0) this.#onWritten?.()
  }

  /** Writes a line, which includes its LF. */
  write(line: string): void {
    this.#waiting++
    // PM2 takes the callback as third argument only.
    process.stdout.write(line, undefined, this.#written)
  }

  /** Resolves when all lines are written, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#waiting === 0) return
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(resolve, timeoutMs)
      this.#onWritten = () => {
        clearTimeout(deadline)
        resolve()
      }
    })
  }
}
