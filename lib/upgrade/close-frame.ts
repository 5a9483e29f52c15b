/** Close frames that rws sends itself (RFC 6455 §5.5.1). */
import { randomBytes } from "node:crypto"

const FIN_AND_CLOSE = 0x88
const MASKED = 0x80
const CODE_BYTES = 2

/** What a server sends. */
export function closeFrame(code: number): Buffer {
  return Buffer.from([FIN_AND_CLOSE, CODE_BYTES, code >> 8, code & 0xff])
}

/** What a client sends: masked with a key that nobody can predict (§5.3). */
export function maskedCloseFrame(code: number): Buffer {
  const mask = randomBytes(4)
  const payload = [(code >> 8) ^ mask.readUInt8(0), (code & 0xff) ^ mask.readUInt8(1)]
  return Buffer.from([FIN_AND_CLOSE, MASKED | CODE_BYTES, ...mask, ...payload])
}

/**
 * Codes that an endpoint may send: those of RFC 6455 §7.4.1 and of IANA's registry without the ones that
 * never appear in a frame, and those of applications.
 */
export function isCloseCode(code: number): boolean {
  const isReserved = code === 1004 || code === 1005 || code === 1006
  return (code >= 1000 && code <= 1014 && !isReserved) || (code >= 3000 && code <= 4999)
}
