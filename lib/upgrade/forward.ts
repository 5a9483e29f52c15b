/**
 * The heads that rws sends on. Every field keeps its order, case and bytes, except those that belong to one
 * connection (RFC 9110 §7.6.1): Connection and Upgrade are written anew, the others are left out. All pure, all text is Latin-1.
 */
import { type Field, listOf, type ResponseHead } from "../http/head.js"
import type { UpgradeRequest } from "./upgrade-request.js"

const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
])

/** Lines that stand in for the fields of these names: at the first one's place, or at the end where there is none. */
type Rewrites = ReadonlyMap<string, string>

const UPGRADE = [
  ["connection", "Connection: Upgrade\r\n"],
  ["upgrade", "Upgrade: websocket\r\n"],
] as const
// RFC 9110 §8.6: no Content-Length in a 101. A client that took it for one would read another stream than we send.
const IN_UPGRADE_ANSWER: Rewrites = new Map([...UPGRADE, ["content-length", ""]])
const IN_REFUSAL: Rewrites = new Map([["connection", "Connection: close\r\n"]])
const IN_UPGRADE_REQUIRED: Rewrites = new Map([
  ["connection", "Connection: Upgrade\r\nConnection: close\r\n"],
])

/** The body of a refusal follows as it comes, so what frames it stays (RFC 9112 §6). */
const FRAMING = new Set(["transfer-encoding", "content-length"])
/** A 426 must also say what to upgrade to (RFC 9110 §15.5.22). */
const FRAMING_AND_UPGRADE = new Set([...FRAMING, "upgrade"])

/** The head that a backend gets for this request. `host` is the value of its Host field. */
export function forwardRequest(request: UpgradeRequest, host: string): string {
  const rewrites = new Map([...UPGRADE, ["host", `Host: ${host}\r\n`]])
  return `GET ${request.target} HTTP/1.1\r\n${rewriteFields(request.fields, request.connection, rewrites)}\r\n`
}

/** The head that the client gets for a backend's 101. */
export function forwardUpgradeAnswer(answer: ResponseHead): string {
  return writeResponse(answer, IN_UPGRADE_ANSWER)
}

/** The head that the client gets for any other answer of a backend. */
export function forwardRefusal(answer: ResponseHead): string {
  if (answer.status === 426) return writeResponse(answer, IN_UPGRADE_REQUIRED, FRAMING_AND_UPGRADE)
  return writeResponse(answer, IN_REFUSAL, FRAMING)
}

function writeResponse(answer: ResponseHead, rewrites: Rewrites, kept?: ReadonlySet<string>): string {
  const { status, phrase, fields } = answer
  const text = rewriteFields(fields, listOf(fields, "connection"), rewrites, kept)
  return `HTTP/1.1 ${status} ${phrase}\r\n${text}\r\n`
}

/** `named` are the Connection options: fields of those names belong to the connection too. */
function rewriteFields(
  fields: readonly Field[],
  named: readonly string[],
  rewrites: Rewrites,
  kept?: ReadonlySet<string>,
): string {
  const ofConnection = named.length > 0 ? new Set([...HOP_BY_HOP, ...named]) : HOP_BY_HOP
  const written = new Set<string>()
  let text = ""
  for (const { name, line } of fields) {
    const rewrite = rewrites.get(name)
    if (rewrite !== undefined) {
      if (!written.has(name)) text += rewrite
      written.add(name)
    } else if (kept?.has(name) || !ofConnection.has(name)) {
      text += line
    }
  }
  for (const [name, rewrite] of rewrites) if (!written.has(name)) text += rewrite
  return text
}
