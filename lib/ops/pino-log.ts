/** The log of the program: pino, one JSON object per line, or coloured text when it goes to a terminal. */
import { pino } from "pino"
import type { LogLevel } from "../config/schema.js"
import { SettingError } from "../settings/setting-error.js"
import { LineWriter, openLogFile } from "./line-writer.js"
import type { Log } from "./log.js"
import { isOutputReplaced, ReplacedOutput } from "./replaced-output.js"

export interface ProgramLog {
  readonly log: Log
  /**
   * Writes what is waiting. Resolves after `timeoutMs` at the latest; lines that could not be written are
   * dropped.
   */
  flush(timeoutMs: number): Promise<void>
}

export interface FileLog extends ProgramLog {
  /** Opens the file again, after logrotate has renamed it. If it rejects, lines go to the old one. */
  reopen(): Promise<void>
}

/** All logs of a process share standard output, and so they share its buffer. */
let standardOutput: LineWriter | ReplacedOutput | undefined

/** A logger that writes to standard output. It says nothing below `level`. */
export async function createLog(level: LogLevel): Promise<ProgramLog> {
  // Asking for `isTTY` makes Node open standard output, which sets a pipe to non-blocking for LineWriter's
  // writes, too.
  const { isTTY } = process.stdout
  standardOutput ??= isOutputReplaced() ? new ReplacedOutput() : new LineWriter(1)
  return toLog(level, standardOutput, isTTY ? await prettified(standardOutput) : standardOutput)
}

/**
 * A logger that appends to a file.
 * @throws {SettingError} when the file can't be opened
 */
export async function createFileLog(level: LogLevel, file: string): Promise<FileLog> {
  const writer = new LineWriter(await openFile(file))
  return { ...toLog(level, writer), reopen: async () => writer.replace(await openFile(file)) }
}

type Writer = Pick<LineWriter, "write" | "flush">
type Output = Pick<LineWriter, "write">

function toLog(level: LogLevel, writer: Writer, output: Output = writer): ProgramLog {
  const log: Log = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, output)
  return { log, flush: (timeoutMs) => writer.flush(timeoutMs) }
}

async function openFile(file: string): Promise<number> {
  try {
    return await openLogFile(file)
  } catch (error) {
    throw new SettingError(`cannot open the log file: ${(error as Error).message}`, { cause: error })
  }
}

async function prettified(output: Output): Promise<Output> {
  const { prettyFactory } = await import("pino-pretty")
  const format = prettyFactory({ singleLine: true })
  return { write: (line) => output.write(format(line) ?? "") }
}
