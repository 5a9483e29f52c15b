/** The log of the program: pino, one JSON object per line, or coloured text when it goes to a terminal. */
import { pino } from "pino"
import type { Config } from "../config/schema.js"
import type { Log } from "./log.js"

/** How long a line may wait, in milliseconds, so that one write serves many. */
const FLUSH_MS = 100
const BUFFER_BYTES = 4096

/** A logger that writes to standard output. It says nothing below `level`. */
export async function createLog(level: Config["log"]["level"]): Promise<Log> {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime }
  const log: Log = pino(options, process.stdout.isTTY ? await prettyStream() : bufferedStream())
  return log
}

function bufferedStream() {
  return pino.destination({ dest: 1, sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_MS })
}

async function prettyStream() {
  const { default: pretty } = await import("pino-pretty")
  return pretty({ sync: true, singleLine: true })
}
