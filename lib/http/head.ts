/**
 * Parses heads into values. All text is Latin-1, one character per byte, so that forwarded bytes stay
 * unchanged.
 */
import { lowerCaseName } from "./field-names.js"
import type { HeadKind } from "./head-scanner.js"
import { dissect } from "./llhttp.js"

export interface Field {
  /** In lower case. */
  readonly name: string
  /** Without surrounding white space. */
  readonly value: string
  /** The complete field line as received, CRLF included. */
  readonly line: string
}

export interface RequestHead {
  /** The whole head as received, blank line included. */
  readonly text: string
  readonly method: string
  readonly target: string
  readonly version: string
  readonly fields: readonly Field[]
}

export interface ResponseHead {
  /** The whole head as received, blank line included. */
  readonly text: string
  readonly version: string
  readonly status: number
  /** May be empty. */
  readonly phrase: string
  readonly fields: readonly Field[]
}

/** llhttp rejects the head, or ends it at another byte than `HeadScanner`. */
export class HeadSyntaxError extends Error {
  override readonly name = "HeadSyntaxError"
}

/** Parses a complete request head, blank line included. Throws `HeadSyntaxError`. */
export function parseRequestHead(bytes: Buffer): RequestHead {
  const { text, startLine, fields } = parse("request", bytes)
  const methodEnd = startLine.indexOf(" ")
  const targetEnd = startLine.indexOf(" ", methodEnd + 1)
  return {
    text,
    method: startLine.slice(0, methodEnd),
    target: startLine.slice(methodEnd + 1, targetEnd),
    version: startLine.slice(targetEnd + 1),
    fields,
  }
}

/** Parses a complete response head, blank line included. Throws `HeadSyntaxError`. */
export function parseResponseHead(bytes: Buffer): ResponseHead {
  const { text, startLine, fields } = parse("response", bytes)
  return {
    text,
    version: startLine.slice(0, 8),
    status: Number(startLine.slice(9, 12)),
    phrase: startLine.slice(13),
    fields,
  }
}

// Most fields occur once. An array literal has room for just that one, `push` reserves it for 17.

/** Returns the values of all fields with this (lower-case) name, in order. */
export function valuesOf(fields: readonly Field[], name: string): string[] {
  let values: string[] | undefined
  for (const field of fields) {
    if (field.name !== name) continue
    if (values === undefined) values = [field.value]
    else values.push(field.value)
  }
  return values ?? []
}

/**
 * Returns the members, in lower case, of a comma-separated list that may span several fields (RFC 9110
 * §5.6.1).
 */
export function listOf(fields: readonly Field[], name: string): string[] {
  let members: string[] | undefined
  for (const { name: other, value } of fields) {
    if (other !== name) continue
    for (const member of value.includes(",") ? value.split(",") : [value]) {
      const trimmed = trim(member).toLowerCase()
      if (trimmed === "") continue
      if (members === undefined) members = [trimmed]
      else members.push(trimmed)
    }
  }
  return members ?? []
}

/** Names of fields, cookies and subprotocols are tokens (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)
}

/** Trims optional white space: space and tab only (RFC 9110 §5.6.3). `String.trim` removes more. */
export function trim(value: string): string {
  return trimmed(value, 0, value.length)
}

/** The part of a text from `start` to `end`, without white space around it. */
function trimmed(text: string, start: number, end: number): string {
  let from = start
  let to = end
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

interface ParsedHead {
  readonly text: string
  readonly startLine: string
  readonly fields: readonly Field[]
}

function parse(kind: HeadKind, bytes: Buffer): ParsedHead {
  const { fault, length, fieldStarts } = dissect(kind, bytes)
  if (fault !== "") throw new HeadSyntaxError(fault)
  if (length !== bytes.length) throw new HeadSyntaxError("ambiguous end of the head")
  const text = bytes.toString("latin1")
  const fields = fieldStarts.map((start, index) => {
    const end = fieldStarts[index + 1] ?? text.length - 2
    if (text.indexOf("\r\n", start) !== end - 2) throw new HeadSyntaxError("ambiguous end of a field line")
    const colon = text.indexOf(":", start)
    const name = lowerCaseName(text.slice(start, colon))
    return { name, value: trimmed(text, colon + 1, end - 2), line: text.slice(start, end) }
  })
  return { text, startLine: text.slice(0, text.indexOf("\r\n")), fields }
}
