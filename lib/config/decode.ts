/** Decodes the bytes of a file: TOML is UTF-8 (TOML 1.0, "Spec"). */
import { isUtf8 } from "node:buffer"
import type { ConfigProblem } from "./problem.js"

const EXPECTED = "expected UTF-8: save the file in that encoding"

/** The text of a file without its byte order mark; or the problems, one per line. */
export function decode(bytes: Buffer): string | ConfigProblem[] {
  if (isUtf16(bytes)) return [{ path: [], message: `this is UTF-16; ${EXPECTED}`, line: 1 }]
  if (isUtf8(bytes)) return bytes.toString("utf8").replace(/^\ufeff/, "")
  return linesOf(bytes).flatMap((line, index) =>
    isUtf8(line) ? [] : [{ path: [], message: `not UTF-8; ${EXPECTED}`, line: index + 1 }],
  )
}

/** Begins with a UTF-16 byte order mark, or with an ASCII character in two bytes. */
function isUtf16(bytes: Buffer): boolean {
  const [first, second] = bytes
  return (
    (first === 0xff && second === 0xfe) ||
    (first === 0xfe && second === 0xff) ||
    (second !== undefined && (first === 0) !== (second === 0))
  )
}

/** In UTF-8, byte 0A is always a line feed. */
function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let start = 0; start <= bytes.length; ) {
    const end = bytes.indexOf(0x0a, start)
    lines.push(bytes.subarray(start, end < 0 ? bytes.length : end))
    start = end < 0 ? bytes.length + 1 : end + 1
  }
  return lines
}
