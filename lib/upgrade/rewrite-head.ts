/**
 * Rewrites heads on their way to the other peer. Fields keep their order, case and bytes, except hop-by-hop
 * fields (RFC 9110 §7.6.1): Connection and Upgrade are written anew, the others are dropped. Pure; all text
 * is Latin-1.
 */
import { FieldEdit, writeHead } from "../http/field-writer.js"
import { listOf, type ResponseHead } from "../http/head.js"
import { isHopByHop } from "../http/hop-by-hop.js"
import { lookalikesOf } from "./lookalikes.js"
import type { UpgradeRequest } from "./upgrade-request.js"

export interface RequestRewrite {
  /** The value of the Host field for the backend. */
  readonly host: string
  /** The request target for the backend, in origin-form. */
  readonly target: string
  /**
   * Edits of other fields. Fields that a CGI backend would confuse with the edited ones are dropped. Host,
   * Connection and Upgrade are always written by rws. Default: none.
   */
  readonly edits?: readonly FieldEdit[] | undefined
}

/** The body of a refusal is relayed unchanged, so the fields that frame it stay (RFC 9112 §6). */
const FRAMING: readonly string[] = ["transfer-encoding", "content-length"]
/** A 426 must name the protocol to upgrade to (RFC 9110 §15.5.22). */
const FRAMING_AND_UPGRADE: readonly string[] = [...FRAMING, "upgrade"]

const UPGRADE = [FieldEdit.set("Connection", "Upgrade"), FieldEdit.set("Upgrade", "websocket")]
/**
 * RFC 9110 §8.6 forbids Content-Length in a 101. A client that honoured it would misread the frames that
 * follow.
 */
const UPGRADED = [...UPGRADE, FieldEdit.remove("Content-Length")]
const CLOSE = [FieldEdit.set("Connection", "close")]
const UPGRADE_AND_CLOSE = [FieldEdit.set("Connection", "Upgrade"), FieldEdit.append("Connection", "close")]

/** Returns the request head for the backend. */
export function rewriteRequest(
  { fields, connection }: UpgradeRequest,
  { host, target, edits = [] }: RequestRewrite,
): string {
  const names = edits.map(({ key }) => key)
  const all = [...edits, ...UPGRADE, FieldEdit.set("Host", host)]
  // They are not among the edited names, so their order does not matter.
  for (const name of lookalikesOf(names, fields)) all.push(FieldEdit.remove(name))
  return writeHead(`GET ${target} HTTP/1.1`, fields, all, (name) => isHopByHop(name, connection))
}

/**
 * Returns the head of a backend's 101 for the client.
 * @param edits edits of other fields; Connection, Upgrade and Content-Length are always written by rws
 */
export function rewriteUpgradeResponse(response: ResponseHead, edits: readonly FieldEdit[] = []): string {
  const { fields } = response
  const connection = listOf(fields, "connection")
  return writeHead(statusLineOf(response), fields, edits.concat(UPGRADED), (name) =>
    isHopByHop(name, connection),
  )
}

/** Returns the head of any other response of a backend for the client. */
export function rewriteRefusal(response: ResponseHead): string {
  const { status, fields } = response
  const connection = listOf(fields, "connection")
  const [edits, kept] = status === 426 ? [UPGRADE_AND_CLOSE, FRAMING_AND_UPGRADE] : [CLOSE, FRAMING]
  return writeHead(
    statusLineOf(response),
    fields,
    edits,
    (name) => !kept.includes(name) && isHopByHop(name, connection),
  )
}

/** RFC 9112 §4: the space after the status stays even if the phrase is empty. */
function statusLineOf({ status, phrase }: ResponseHead): string {
  return `HTTP/1.1 ${status} ${phrase}`
}
