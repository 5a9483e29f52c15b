/** The log of the program: pino, one JSON object per line, or coloured text when it goes to a terminal. */
import { pino } from "pino"
import type { Config } from "../config/schema.js"
import type { Log } from "./log.js"

/** How long a line may wait, in milliseconds, so that one write serves many. */
const FLUSH_MS = 100
const BUFFER_BYTES = 4096
const MAX_WAITING_BYTES = 1024 * 1024

/** A logger that writes to standard output. It says nothing below `level`. */
export async function createLog(level: Config["log"]["level"]): Promise<Log> {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const log: Log = pino(options, process.stdout.isTTY ? await prettyStream() : bufferedStream())
  return log
}

/**
 * Lines that can't be written, for want of disk space or because nobody reads the pipe, are dropped: a proxy must not
 * stop for its log. sonic-boom's last flush at exit would try for ever, so it is left out after a failure.
 */
function bufferedStream() {
  const stream = pino.destination({
    dest: 1,
    sync: false,
    minLength: BUFFER_BYTES,
    maxLength: MAX_WAITING_BYTES,
    periodicFlush: FLUSH_MS,
  })
  const flushSync = stream.flushSync.bind(stream)
  let isBroken = false
  stream.on("error", ({ message }) => {
    if (!isBroken) console.error(`the log can't be written: ${message}`)
    isBroken = true
  })
  stream.on("write", () => {
    isBroken = false
  })
  stream.flushSync = () => {
    if (!isBroken) flushSync()
  }
  return stream
}

async function prettyStream() {
  const { default: pretty } = await import("pino-pretty")
  return pretty({ sync: true, singleLine: true })
}
