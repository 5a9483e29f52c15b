/** Opens the log of a serving rws, and opens its file again at SIGUSR1, as logrotate expects. */
import type { Settings } from "../lib/config/schema.js"
import { createFileLog, createLog, type ProgramLog } from "../lib/ops/pino-log.js"
import { onOrder, toIgnored } from "./signals.js"

/** @throws {SettingError} when the file can't be opened */
export async function openLog({ level, file, format }: Settings["log"]): Promise<ProgramLog> {
  if (file === undefined) {
    const output = await createLog(level, format)
    onOrder("SIGUSR1", toIgnored(output.log, "SIGUSR1"))
    return output
  }
  const output = await createFileLog(level, file, format)
  const { log } = output
  onOrder("SIGUSR1", () => {
    output.reopen().then(
      () => log.info({ signal: "SIGUSR1", file }, "log file reopened"),
      ({ message }: Error) => log.error({ signal: "SIGUSR1", error: message }, "log file not reopened"),
    )
  })
  return output
}
