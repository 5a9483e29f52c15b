/**
 * Finds the end of a head in raw bytes, however they are fragmented, before a parser sees them.
 *
 * Requests are smuggled through proxies whose parser is more lenient than the backend's. So everything that
 * only lenient parsers accept is refused here: bare LF, bare CR, obs-fold, control characters (RFC 9112 §2.2
 * and §5.2, RFC 9110 §5.5), and a start line other than three parts separated by single spaces (RFC 9112 §3
 * and §4). Each fault is reported at its first byte instead of waiting for a blank line that may never come.
 */

export type HeadKind = "request" | "response"

/** Longer heads cannot be parsed. */
export const MAX_HEAD_BYTES = 64 * 1024

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const DELETE = 0x7f

const START_LINE = {
  request: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [^\t ]+ HTTP\/\d\.\d$/,
  response: /^HTTP\/1\.[01] [1-9]\d{2}(?: .*)?$/,
}

/** A method starts with a token character (RFC 9110 §5.6.2), a status line with the H of HTTP. */
const FIRST_CHARACTER = { request: /[!#$%&'*+.^_`|~0-9A-Za-z-]/, response: /H/ }

/**
 * A whole head of HTTP/1 that breaks none of the rules. Matching it costs a quarter of looking at each byte,
 * which is left to other heads, to find out what is wrong. No two parts can match one byte, so it is linear.
 */
const WHOLE_HEAD = {
  request:
    /[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-~\x80-\xff]+ HTTP\/1\.\d\r\n(?:[!-~\x80-\xff][\t -~\x80-\xff]*\r\n)*\r\n/y,
  response:
    /HTTP\/1\.[01] [1-9]\d{2}(?: [\t -~\x80-\xff]*)?\r\n(?:[!-~\x80-\xff][\t -~\x80-\xff]*\r\n)*\r\n/y,
}

/** The first line that a client sends once HTTP/2 has been negotiated (RFC 9113 §3.4). */
const HTTP2_PREFACE = "PRI * HTTP/2.0"

const NOT_HTTP = {
  request: "does not start with an HTTP request line",
  response: "does not start with an HTTP status line",
}

export class HeadScanner {
  /** What is wrong; "" if nothing is. */
  fault = ""

  readonly #kind: HeadKind
  #next = 0
  #lineStart = 0

  constructor(kind: HeadKind) {
    this.#kind = kind
  }

  /**
   * Scans the bytes that are new since the last call; `bytes` is everything received so far. Returns the
   * length of the head, blank line included, once it is complete. Returns -1 if more bytes are needed, or if
   * `fault` is set.
   */
  scan(bytes: Buffer): number {
    if (this.#next === 0 && bytes.length > 0) {
      const length = wholeHeadLength(this.#kind, bytes)
      if (length > 0) return length
      if (!FIRST_CHARACTER[this.#kind].test(bytes.toString("latin1", 0, 1))) {
        return this.#fail(NOT_HTTP[this.#kind])
      }
    }
    let at = this.#next
    for (; at < bytes.length; at++) {
      const byte = bytes[at] as number
      if (byte > SPACE && byte !== DELETE) continue
      if (byte === CR) {
        if (at + 1 === bytes.length) break
        if (bytes[at + 1] !== LF) return this.#fail("bare CR")
        if (at === this.#lineStart) return at + 2
        if (this.#lineStart === 0) {
          const fault = startLineFault(this.#kind, bytes.toString("latin1", 0, at))
          if (fault !== "") return this.#fail(fault)
        }
        this.#lineStart = at + 2
        at++
      } else if (byte === SPACE || byte === TAB) {
        if (at === this.#lineStart) return this.#fail("line starts with white space (obs-fold)")
      } else if (byte === LF) {
        return this.#fail("bare LF")
      } else {
        return this.#fail(`control character 0x${byte.toString(16).padStart(2, "0")}`)
      }
    }
    this.#next = at
    return -1
  }

  #fail(fault: string): -1 {
    this.fault = fault
    return -1
  }
}

/** 0 if the bytes do not begin with a whole head without a fault. */
function wholeHeadLength(kind: HeadKind, bytes: Buffer): number {
  const head = WHOLE_HEAD[kind]
  head.lastIndex = 0
  return head.test(bytes.toString("latin1")) ? head.lastIndex : 0
}

function startLineFault(kind: HeadKind, line: string): string {
  if (line === HTTP2_PREFACE)
    return "HTTP/2 is not supported; let the TLS terminator offer only http/1.1 in ALPN"
  return START_LINE[kind].test(line) ? "" : NOT_HTTP[kind]
}
