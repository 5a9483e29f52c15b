/** The program's log, for users of the library. */
import type { LogLevel } from "../config/schema.js"
import type { Log } from "./log.js"

/**
 * Creates the log that the `rws` program writes: JSON lines on standard output, coloured text on a terminal.
 * @param level the lowest level that is written, as in the configuration's `log.level`. Default: "info"
 */
export async function createLog(level: LogLevel = "info"): Promise<Log> {
  // Imported lazily: callers with their own logger never load pino.
  const pinoLog = await import("./pino-log.js")
  const { log } = await pinoLog.createLog(level)
  return log
}
