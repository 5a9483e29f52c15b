/** Collects what a proxy logs, as objects. */
import { type Logger, pino } from "pino"

export interface LogLines {
  readonly log: Logger
  readonly lines: readonly Readonly<Record<string, unknown>>[]
}

/** @param level the lowest one that is collected. Default: "info" */
export function collectLog(level = "info"): LogLines {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level, base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  return { log, lines }
}
