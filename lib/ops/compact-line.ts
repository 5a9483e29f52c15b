/** A session as one short line, for terminals. */
import { formatBytes, formatDuration } from "./figures.js"
import { endsSession, escaped, type LoggedLine, numberIn, textIn } from "./logged-line.js"

/** Colours a text, or returns it as it is. */
export type Paint = (colour: Colour, text: string) => string

export type Colour = keyof typeof CODES

const CODES = { green: 32, yellow: 33, red: 31, grey: 90, cyan: 36 } as const

/** For terminals (ECMA-48). */
export const colourful: Paint = (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[39m`
export const plain: Paint = (_, text) => text

const WARN = 40

/**
 * Returns the line with its LF; undefined if it does not report the start or end of a session, or reports a
 * defect of rws, which needs its stack trace.
 * @param time the time of day
 */
export function compactLine(line: LoggedLine, time: string, paint: Paint): string | undefined {
  const isEnd = endsSession(line)
  if ((!isEnd && line.msg !== "session opened") || line.err !== undefined) return undefined
  const [client = "", backend] = [textIn(line, "client"), textIn(line, "backend")]
  const parts = [
    paint("grey", `[${time}]`),
    paint("cyan", shown(textIn(line, "listener") ?? "")),
    shown(client) + (backend === undefined ? "" : ` -> ${shown(backend)}`),
    shown(textIn(line, "path") ?? ""),
    textIn(line, "status") ?? "",
    isEnd ? outcome(line, paint) : paint("green", "open"),
  ]
  return `${parts.filter((part) => part !== "").join(" ")}\n`
}

function outcome(line: LoggedLine, paint: Paint): string {
  const reason = textIn(line, "reason") ?? ""
  const isWarning = numberIn(line, "level") >= WARN
  const hasTunnel = line.tunnel_ms !== undefined
  const colour = isWarning ? "red" : hasTunnel ? "green" : "yellow"
  if (hasTunnel) {
    const bytes = `${formatBytes(numberIn(line, "bytes_from_client"))} in, ${formatBytes(numberIn(line, "bytes_from_backend"))} out`
    return `${paint(colour, reason)} ${formatDuration(numberIn(line, "tunnel_ms"))}, ${bytes}`
  }
  const why = [textIn(line, "detail"), textIn(line, "error")].filter((text) => text !== undefined)
  return `${paint(colour, reason)} ${why.map((text) => shown(text)).join(": ")}`.trimEnd()
}

/** Quotes and backslashes are harmless here. */
function shown(text: string): string {
  return escaped(text).replace(/\\(["\\])/g, "$1")
}
