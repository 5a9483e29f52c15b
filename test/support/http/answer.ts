/** Parses the HTTP response that a raw client received, and checks the form of a refusal. */
import type { Test } from "tap"
import type { RawPeer } from "../peers/raw-peer.js"

export interface RawAnswer {
  readonly statusLine: string
  /** As received, without CRLF. */
  readonly fieldLines: readonly string[]
  /** Everything after the blank line. */
  readonly body: string
}

/** Splits a response into head and body. */
export function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n")
  const [statusLine = "", ...fieldLines] = text.slice(0, end).split("\r\n")
  return { statusLine, fieldLines, body: text.slice(end + 4) }
}

/** The values of a field, in order. The name is case-insensitive. */
export function valuesIn(answer: RawAnswer, name: string): string[] {
  const prefix = `${name.toLowerCase()}:`
  return answer.fieldLines
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim())
}

const HTTP_DATE =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/

/**
 * Waits for a refusal that rws has written itself and for its FIN, checks the form that all of them share
 * (section 5 of the design), closes the client's side, and checks that the connection ended without a reset.
 * @param says matches the body
 */
export async function checkRefusal(
  t: Test,
  client: RawPeer,
  statusLine: string,
  says: RegExp,
): Promise<RawAnswer> {
  await client.untilEnd()
  const answer = parseAnswer(client.text)
  t.equal(answer.statusLine, `HTTP/1.1 ${statusLine}`)
  // A sender of Upgrade must list it in Connection (RFC 9110 §7.8).
  t.same(valuesIn(answer, "connection"), statusLine.startsWith("426") ? ["Upgrade", "close"] : ["close"])
  t.same(valuesIn(answer, "content-length"), [String(Buffer.byteLength(answer.body, "latin1"))])
  t.same(valuesIn(answer, "content-type"), ["text/plain; charset=utf-8"])
  t.match(valuesIn(answer, "date").join(), HTTP_DATE)
  t.match(answer.body, /^[\x20-\x7e]+\n$/, "the body is one line")
  t.match(answer.body, says)
  client.socket.end()
  await client.untilClosed()
  t.equal(client.error, undefined, "the connection closes without a reset")
  return answer
}
