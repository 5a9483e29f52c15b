/** The log of the program: pino, in one of the formats of `log.format`. */
import { pino } from "pino"
import type { LogFormat, LogLevel } from "../config/schema.js"
import { SettingError } from "../settings/setting-error.js"
import { combinedLine } from "./combined-line.js"
import { colourful, compactLine, plain } from "./compact-line.js"
import { LineWriter, openLogFile } from "./line-writer.js"
import type { Log } from "./log.js"
import type { LoggedLine } from "./logged-line.js"
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

type Writer = Pick<LineWriter, "write" | "flush">

/** All logs of a process share standard output, and so they share its buffer. */
let standardOutput: Writer | undefined
let standardError: Writer | undefined

/**
 * A logger that writes to standard output. It says nothing below `level`.
 * @param format default: "pretty" on a terminal, else "json"
 */
export async function createLog(level: LogLevel, format?: LogFormat): Promise<ProgramLog> {
  // Asking for `isTTY` makes Node open standard output, which sets a pipe to non-blocking for LineWriter's
  // writes, too.
  const { isTTY } = process.stdout
  standardOutput ??= isOutputReplaced() ? new ReplacedOutput() : new LineWriter(1)
  return toLog(level, await formatted(standardOutput, format ?? (isTTY ? "pretty" : "json"), process.stdout))
}

/**
 * A logger that appends to a file.
 * @throws {SettingError} when the file can't be opened
 */
export async function createFileLog(
  level: LogLevel,
  file: string,
  format: LogFormat = "json",
): Promise<FileLog> {
  const writer = new LineWriter(await openFile(file))
  const log = toLog(level, await formatted(writer, format))
  return { ...log, reopen: async () => writer.replace(await openFile(file)) }
}

function toLog(level: LogLevel, output: Writer): ProgramLog {
  const log: Log = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, output)
  return { log, flush: (timeoutMs) => output.flush(timeoutMs) }
}

async function openFile(file: string): Promise<number> {
  try {
    return await openLogFile(file)
  } catch (error) {
    throw new SettingError(`cannot open the log file: ${(error as Error).message}`, { cause: error })
  }
}

/** @param stream where the writer writes to, if that may be a terminal */
async function formatted(writer: Writer, format: LogFormat, stream?: NodeJS.WriteStream): Promise<Writer> {
  if (format === "json") return writer
  if (format === "pretty") return prettified(writer, stream)
  const others = await prettified(errorWriter(), process.stderr)
  return {
    write(line) {
      const session = combinedLine(parsed(line))
      if (session === undefined) others.write(line)
      else writer.write(session)
    },
    async flush(timeoutMs) {
      await Promise.all([writer.flush(timeoutMs), others.flush(timeoutMs)])
    },
  }
}

async function prettified(writer: Writer, stream?: NodeJS.WriteStream): Promise<Writer> {
  const { prettyFactory } = await import("pino-pretty")
  // Node goes by NO_COLOR, FORCE_COLOR and TERM.
  const colorize = stream?.isTTY === true && stream.hasColors()
  const paint = colorize ? colourful : plain
  const format = prettyFactory({ singleLine: true, colorize })
  return {
    write(line) {
      const fields = parsed(line)
      writer.write(compactLine(fields, timeOfDay(fields.time), paint) ?? format(line) ?? "")
    },
    flush: (timeoutMs) => writer.flush(timeoutMs),
  }
}

function errorWriter(): Writer {
  // As for standard output, a pipe becomes non-blocking.
  void process.stderr.isTTY
  standardError ??= new LineWriter(2)
  return standardError
}

function parsed(line: string): LoggedLine {
  return JSON.parse(line)
}

/** In the local time, as pino-pretty writes it. */
function timeOfDay(time: unknown): string {
  const date = new Date(String(time))
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits)
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}`
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0")
}
