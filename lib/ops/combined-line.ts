/**
 * A session in Apache's combined log format, which many programs read, with the close reason at the end. A
 * WebSocket request has an Origin instead of a Referer, so the Origin takes the Referer's place.
 */
import { endsSession, escaped, type LoggedLine, numberIn, textIn } from "./logged-line.js"

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

/** Returns the line with its LF; undefined if it does not report the end of a session. */
export function combinedLine(line: LoggedLine): string | undefined {
  if (!endsSession(line)) return undefined
  const reason = textIn(line, "reason") ?? ""
  const bytes = numberIn(line, "bytes_from_backend")
  const parts = [
    hostOf(textIn(line, "client") ?? ""),
    "-",
    "-",
    `[${apacheTime(new Date(textIn(line, "time") ?? 0))}]`,
    quoted(requestLine(line, reason)),
    textIn(line, "status") ?? "-",
    bytes === 0 ? "-" : String(bytes),
    quoted(textIn(line, "origin")),
    quoted(textIn(line, "user_agent")),
    reason,
  ]
  return `${parts.join(" ")}\n`
}

/** undefined unless the request line is known to be that of a WebSocket request. */
function requestLine(line: LoggedLine, reason: string): string | undefined {
  const path = textIn(line, "path")
  const isOther = reason === "bad_method" || reason === "bad_version"
  return path === undefined || isOther ? undefined : `GET ${path} HTTP/1.1`
}

function quoted(text: string | undefined): string {
  return text === undefined ? '"-"' : `"${escaped(text)}"`
}

/** The client without its port. */
function hostOf(client: string): string {
  const [, v6, v4] = /^(?:\[(.+)\]:\d+|([^:]+):\d+)$/.exec(client) ?? []
  return v6 ?? v4 ?? client
}

function apacheTime(time: Date): string {
  const [, year, month, day, clock] = /^(\d+)-(\d\d)-(\d\d)T(\d\d:\d\d:\d\d)/.exec(time.toISOString()) ?? []
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${clock} +0000`
}
