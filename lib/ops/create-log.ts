/** The program's log, for users of the library. */
import type { LogFormat, LogLevel } from "../config/schema.js"
import type { Log } from "./log.js"

/**
 * Creates the log that the `rws` program writes, on standard output.
 * @param level the lowest level that is written, as in the configuration's `log.level`. Default: "info"
 * @param format as in `log.format`. Default: "pretty" on a terminal, else "json"
 */
export async function createLog(level: LogLevel = "info", format?: LogFormat): Promise<Log> {
  // Imported lazily: callers with their own logger never load pino.
  const pinoLog = await import("./pino-log.js")
  const { log } = await pinoLog.createLog(level, format)
  return log
}
