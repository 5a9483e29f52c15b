/**
 * Where the frames of one direction of a WebSocket begin and end (RFC 6455 §5.2). It reads lengths and
 * opcodes only: payloads are skipped, and never unmasked or checked.
 */

const OPCODE = 0x0f
const CLOSE = 0x8
const MASKED = 0x80
const MASK_BYTES = 4
const LENGTH_16 = 126
const LENGTH_64 = 127

export class FrameCursor {
  /** Bytes of the current header so far, without its mask; 0 = between two frames. */
  #headerBytes = 0
  /** Bytes of the extended length that are still to come. */
  #lengthBytes = 0
  /** Bytes of the payload and its mask that are still to come, once the length is known. */
  #left = 0
  #isMasked = false
  #isClose = false
  #hasClosed = false

  /** The last byte was the end of a frame, or there has been none. */
  get isBetweenFrames(): boolean {
    return this.#headerBytes === 0
  }

  /** A whole Close frame has gone by. */
  get hasClosed(): boolean {
    return this.#hasClosed
  }

  /** Runs over all bytes from `start` on. */
  run(bytes: Buffer, start = 0): void {
    for (let at = start; at < bytes.length; ) at = this.step(bytes, at)
  }

  /**
   * Runs from `start` to the end of the current frame or of the bytes, whatever comes first.
   * @returns the index behind it
   */
  step(bytes: Buffer, start: number): number {
    let at = start
    while (!this.#knowsLength && at < bytes.length) this.#readHeader(bytes.readUInt8(at++))
    if (!this.#knowsLength) return at
    const taken = Math.min(this.#left, bytes.length - at)
    this.#left -= taken
    if (this.#left === 0) {
      this.#headerBytes = 0
      if (this.#isClose) this.#hasClosed = true
    }
    return at + taken
  }

  get #knowsLength(): boolean {
    return this.#headerBytes >= 2 && this.#lengthBytes === 0
  }

  /** A length of 2^63 or more, which §5.2 forbids, is a frame that never ends, like any of petabytes. */
  #readHeader(byte: number): void {
    const index = this.#headerBytes++
    if (index === 0) {
      this.#isClose = (byte & OPCODE) === CLOSE
      return
    }
    if (index > 1) {
      this.#left = this.#left * 256 + byte
      this.#lengthBytes--
    } else {
      const length = byte & ~MASKED
      this.#isMasked = (byte & MASKED) !== 0
      this.#lengthBytes = length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0
      this.#left = this.#lengthBytes === 0 ? length : 0
    }
    if (this.#lengthBytes === 0 && this.#isMasked) this.#left += MASK_BYTES
  }
}
