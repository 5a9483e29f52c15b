/** The log of the program: pino, one JSON object per line, or coloured text when it goes to a terminal. */
import { pino } from "pino"
import type { LogLevel } from "../config/schema.js"
import { LineWriter } from "./line-writer.js"
import type { Log } from "./log.js"
import { isOutputReplaced, ReplacedOutput } from "./replaced-output.js"

export interface StandardLog {
  readonly log: Log
  /**
   * Writes what is waiting. Resolves after `timeoutMs` at the latest; lines that could not be written are
   * dropped.
   */
  flush(timeoutMs: number): Promise<void>
}

/** All logs of a process share standard output, and so they share its buffer. */
let standardOutput: LineWriter | ReplacedOutput | undefined

/** A logger that writes to standard output. It says nothing below `level`. */
export async function createLog(level: LogLevel): Promise<StandardLog> {
  // Asking for `isTTY` makes Node open standard output, which sets a pipe to non-blocking for LineWriter's
  // writes, too.
  const { isTTY } = process.stdout
  standardOutput ??= isOutputReplaced() ? new ReplacedOutput() : new LineWriter(1)
  const output = isTTY ? await prettified(standardOutput) : standardOutput
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const log: Log = pino(options, output)
  const writer = standardOutput
  return { log, flush: (timeoutMs) => writer.flush(timeoutMs) }
}

type Output = Pick<LineWriter, "write">

async function prettified(output: Output): Promise<Output> {
  const { prettyFactory } = await import("pino-pretty")
  const format = prettyFactory({ singleLine: true })
  return { write: (line) => output.write(format(line) ?? "") }
}
