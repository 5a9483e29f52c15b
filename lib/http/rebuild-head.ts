/** Rebuilds a request head from what Node's HTTP parser has made of it. */
import { lowerCaseName } from "./field-names.js"
import type { Field } from "./head.js"

/** The part of `IncomingMessage` that the head is rebuilt from. */
export interface ParsedRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly httpVersion: string
  /** Names and values in turn, in the order in which they arrived. */
  readonly rawHeaders: readonly string[]
}

/** The head as the client has sent it, but for white space around the fields' values. */
export function rebuildHead({ method = "", url = "", httpVersion, rawHeaders }: ParsedRequest): Buffer {
  let head = `${inLine(method)} ${inLine(url)} HTTP/${inLine(httpVersion)}\r\n`
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    head += `${inLine(rawHeaders[at] ?? "")}: ${inLine(rawHeaders[at + 1] ?? "")}\r\n`
  }
  return Buffer.from(`${head}\r\n`, "latin1")
}

/**
 * A lenient parser, or a program that changes the request, may leave a line break here, or a character whose
 * low byte is one. It would begin another field: NUL in its place makes the head one that is refused.
 */
function inLine(text: string): string {
  return BREAKS_LINE.test(text) ? text.replace(EACH_BREAK, "\0") : text
}

const BREAKS_LINE = /[\r\n\u0100-\uffff]/
const EACH_BREAK = /[\r\n\u0100-\uffff]/g

/** The request's fields. Their lines are left out. */
export function fieldsOf({ rawHeaders }: ParsedRequest): Field[] {
  const fields: Field[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    fields.push({ name: lowerCaseName(rawHeaders[at] ?? ""), value: rawHeaders[at + 1] ?? "", line: "" })
  }
  return fields
}
