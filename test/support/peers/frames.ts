/** WebSocket frames as bytes (RFC 6455 §5.2). */
import { randomBytes } from "node:crypto"

export interface FrameParts {
  /** Default: binary. */
  readonly opcode?: number
  readonly payload?: Buffer
  /** As clients send it. Default: not masked. */
  readonly masked?: boolean
  readonly fin?: boolean
  /** How the length is written: 7, 16 or 64 bits. Default: the shortest form. */
  readonly lengthBits?: 7 | 16 | 64
}

export const BINARY = 2
export const CLOSE = 8

export function frame({
  opcode = BINARY,
  payload = Buffer.alloc(0),
  masked = false,
  fin = true,
  lengthBits = payload.length < 126 ? 7 : payload.length < 65536 ? 16 : 64,
}: FrameParts = {}): Buffer {
  const mask = masked ? randomBytes(4) : Buffer.alloc(0)
  const body = masked ? payload.map((byte, index) => byte ^ mask.readUInt8(index % 4)) : payload
  const first = (fin ? 0x80 : 0) | opcode
  return Buffer.concat([Buffer.from([first]), lengthOf(payload.length, lengthBits, masked), mask, body])
}

function lengthOf(length: number, bits: 7 | 16 | 64, masked: boolean): Buffer {
  const bytes = Buffer.alloc(1 + (bits === 7 ? 0 : bits / 8))
  bytes[0] = (masked ? 0x80 : 0) | (bits === 7 ? length : bits === 16 ? 126 : 127)
  if (bits === 16) bytes.writeUInt16BE(length, 1)
  if (bits === 64) bytes.writeBigUInt64BE(BigInt(length), 1)
  return bytes
}

/** A Close frame with a code. */
export function closeFrameOf(code: number, masked = false): Buffer {
  const payload = Buffer.alloc(2)
  payload.writeUInt16BE(code)
  return frame({ opcode: CLOSE, payload, masked })
}

/** The code in a Close frame that stands at the beginning of the bytes. Throws if none does. */
export function codeOfClose(bytes: Buffer): number {
  if (bytes[0] !== 0x88) throw new Error(`not a Close frame: ${bytes.toString("hex")}`)
  const isMasked = (bytes.readUInt8(1) & 0x80) !== 0
  if (!isMasked) return bytes.readUInt16BE(2)
  return bytes.readUInt16BE(6) ^ bytes.readUInt16BE(2)
}
