/**
 * The heads that rws sends on. Every field keeps its order, case and bytes, except those that belong to one
 * connection (RFC 9110 §7.6.1): Connection and Upgrade are written anew, the others are left out. All pure, all text is Latin-1.
 */
import { type Field, listOf, type ResponseHead } from "../http/head.js"
import { lookalikesOf } from "../http/lookalikes.js"
import type { UpgradeRequest } from "./upgrade-request.js"

/** Fields that belong to one connection and go no further than its end. Names in lower case. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
])

/**
 * What becomes of some fields: complete lines, by the lower-case name of the fields that they stand in for. They are put at the
 * first one's place, or at the end where there is none. "" takes the fields off.
 */
export type FieldChanges = ReadonlyMap<string, string>

export interface ForwardOptions {
  /** The value of the Host field that the backend gets. */
  readonly host: string
  /** The target that the backend is asked for, in origin-form. */
  readonly target: string
  /**
   * Other fields that change. Fields that CGI can't tell from those are left out. Host, Connection and
   * Upgrade are ours in any case. Default: none.
   */
  readonly changes?: FieldChanges | undefined
}

const CONNECTION_UPGRADE = "Connection: Upgrade\r\n"
const UPGRADE_WEBSOCKET = "Upgrade: websocket\r\n"
// RFC 9110 §8.6: no Content-Length in a 101. A client that took it for one would read another stream than we send.
const IN_UPGRADE_ANSWER: FieldChanges = new Map([
  ["connection", CONNECTION_UPGRADE],
  ["upgrade", UPGRADE_WEBSOCKET],
  ["content-length", ""],
])
const IN_REFUSAL: FieldChanges = new Map([["connection", "Connection: close\r\n"]])
const IN_UPGRADE_REQUIRED: FieldChanges = new Map([
  ["connection", `${CONNECTION_UPGRADE}Connection: close\r\n`],
])

/** The body of a refusal follows as it comes, so what frames it stays (RFC 9112 §6). */
const FRAMING = new Set(["transfer-encoding", "content-length"])
/** A 426 must also say what to upgrade to (RFC 9110 §15.5.22). */
const FRAMING_AND_UPGRADE = new Set([...FRAMING, "upgrade"])

/** The head that a backend gets for this request. */
export function forwardRequest(
  { fields, connection }: UpgradeRequest,
  { host, target, changes }: ForwardOptions,
): string {
  const allChanges = new Map(changes)
  for (const name of lookalikesOf(allChanges.keys(), fields)) allChanges.set(name, "")
  allChanges.set("connection", CONNECTION_UPGRADE)
  allChanges.set("upgrade", UPGRADE_WEBSOCKET)
  allChanges.set("host", `Host: ${host}\r\n`)
  return `GET ${target} HTTP/1.1\r\n${writeFields(fields, connection, allChanges)}\r\n`
}

/**
 * The head that the client gets for a backend's 101.
 * @param changes other fields that change; Connection, Upgrade and Content-Length are ours in any case. Default: none
 * @param addedFields complete lines put at the end, whatever is there already. Default: none
 */
export function forwardUpgradeAnswer(
  answer: ResponseHead,
  changes?: FieldChanges,
  addedFields?: string,
): string {
  const allChanges = changes === undefined ? IN_UPGRADE_ANSWER : new Map([...changes, ...IN_UPGRADE_ANSWER])
  return writeResponse(answer, allChanges, undefined, addedFields)
}

/** The head that the client gets for any other answer of a backend. */
export function forwardRefusal(answer: ResponseHead): string {
  if (answer.status === 426) return writeResponse(answer, IN_UPGRADE_REQUIRED, FRAMING_AND_UPGRADE)
  return writeResponse(answer, IN_REFUSAL, FRAMING)
}

function writeResponse(
  { status, phrase, fields }: ResponseHead,
  changes: FieldChanges,
  kept?: ReadonlySet<string>,
  addedFields = "",
): string {
  const text = writeFields(fields, listOf(fields, "connection"), changes, kept)
  return `HTTP/1.1 ${status} ${phrase}\r\n${text}${addedFields}\r\n`
}

/** `named` are the Connection options: fields of those names belong to the connection too. */
function writeFields(
  fields: readonly Field[],
  named: readonly string[],
  changes: FieldChanges,
  kept?: ReadonlySet<string>,
): string {
  const ofConnection = named.length > 0 ? new Set([...HOP_BY_HOP, ...named]) : HOP_BY_HOP
  const written = new Set<string>()
  let text = ""
  for (const { name, line } of fields) {
    const lines = changes.get(name)
    if (lines !== undefined) {
      if (!written.has(name)) text += lines
      written.add(name)
    } else if (kept?.has(name) || !ofConnection.has(name)) {
      text += line
    }
  }
  for (const [name, lines] of changes) if (!written.has(name)) text += lines
  return text
}
