/** Version 2 of the PROXY protocol (section 2.2): a block of bytes. */
import type { ClientAddress } from "../address/client-address.js"
import { bytesOfIp, ipv6BytesOfIp, textOfIp } from "../address/ip.js"
import { crc32c } from "./crc32c.js"
import { NO_PROXY_HEADER, type ProxyHeader, ProxyHeaderError } from "./proxy-header.js"

export const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1")

/** Signature, version and command, family and transport, length of the rest. */
const FIXED_BYTES = 16
/** Limit for the rest: far more than any proxy sends, but bounded. */
const MAX_FOLLOWING_BYTES = 4096
const LOCAL = 0x20
const PROXY = 0x21
const UNSPEC = 0x00
const TCP4 = 0x11
const TCP6 = 0x21
const UNIX_STREAM = 0x31
/** Size of the two addresses and ports of each family. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [UNSPEC, 0],
  [TCP4, 12],
  [TCP6, 36],
  [UNIX_STREAM, 216],
])
const CHECKSUM_TYPE = 0x03
const CHECKSUM_BYTES = 4
const SSL_TYPE = 0x20
/** Flags and the result of verifying a client certificate. Details of certificate and cipher follow. */
const SSL_BYTES = 5
const CLIENT_USED_SSL = 0x01
/** Type and length of a TLV. */
const TLV_HEAD_BYTES = 3

export const LOCAL_BLOCK = Buffer.concat([SIGNATURE, Buffer.from([LOCAL, UNSPEC, 0, 0])])

/** Like `parseProxyHeader`, for version 2. */
export function parseProxyBlock(bytes: Buffer): ProxyHeader | "incomplete" {
  const signature = bytes.subarray(0, SIGNATURE.length)
  if (!signature.equals(SIGNATURE.subarray(0, signature.length))) {
    throw new ProxyHeaderError(NO_PROXY_HEADER)
  }
  const [command, family, lengthHigh, lengthLow] = bytes.subarray(SIGNATURE.length, FIXED_BYTES)
  if (command === undefined) return "incomplete"
  if (command >> 4 !== 2) throw new ProxyHeaderError("version is not 2")
  if (command !== LOCAL && command !== PROXY) throw new ProxyHeaderError("unknown command")
  if (family === undefined) return "incomplete"
  // Section 2.2: the rest of a LOCAL header must be skipped, including its family.
  const addressBytes = command === LOCAL ? 0 : ADDRESS_BYTES.get(family)
  if (addressBytes === undefined) throw new ProxyHeaderError("unsupported address family or transport")
  if (lengthHigh === undefined) return "incomplete"
  const following = 256 * lengthHigh + (lengthLow ?? 0)
  if (following > MAX_FOLLOWING_BYTES) {
    throw new ProxyHeaderError(`length exceeds ${MAX_FOLLOWING_BYTES}`)
  }
  if (lengthLow === undefined) return "incomplete"
  if (following < addressBytes) throw new ProxyHeaderError("length too short for the addresses")

  const length = FIXED_BYTES + following
  const block = bytes.subarray(0, length)
  if (command === LOCAL) return block.length < length ? "incomplete" : { length }
  const { checksumAt, isTls } = readTlvs(block, FIXED_BYTES + addressBytes, length)
  if (block.length < length) return "incomplete"
  if (checksumAt !== undefined) verifyChecksum(block, checksumAt)
  const tls = isTls ? { isTls } : {}
  if (family === TCP4) return { length, ...addressesIn(block, 4), ...tls }
  if (family === TCP6) return { length, ...addressesIn(block, 16), ...tls }
  return { length, ...tls }
}

/** Writes TCP over IPv4 or IPv6, or an unspecified family if the source is unknown. */
export function writeProxyBlock(source: ClientAddress, destination: ClientAddress): Buffer {
  if (source.ip === "") return Buffer.concat([SIGNATURE, Buffer.from([PROXY, UNSPEC, 0, 0])])
  const isV6 = source.ip.includes(":") || destination.ip.includes(":")
  const toBytes = isV6 ? ipv6BytesOfIp : bytesOfIp
  const unspecified = isV6 ? "::" : "0.0.0.0"
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source.port, 0)
  ports.writeUInt16BE(destination.port, 2)
  return Buffer.concat([
    SIGNATURE,
    Buffer.from([PROXY, isV6 ? TCP6 : TCP4, 0, isV6 ? 36 : 12]),
    toBytes(source.ip),
    toBytes(destination.ip || unspecified),
    ports,
  ])
}

interface Tlvs {
  /** Offset of the checksum. */
  readonly checksumAt: number | undefined
  /** Section 2.2.5: the client used TLS to the proxy. The first TLV of this type counts. */
  readonly isTls: boolean
}

/** Reads the TLVs (section 2.2) as far as received. They must fill the block exactly up to `end`. */
function readTlvs(block: Buffer, start: number, end: number): Tlvs {
  let checksumAt: number | undefined
  let isTls: boolean | undefined
  let at = start
  while (at < end) {
    if (end - at < TLV_HEAD_BYTES) throw new ProxyHeaderError("truncated TLV")
    const type = block[at]
    if (type === undefined) break
    const isChecksum = type === CHECKSUM_TYPE
    const lengthHigh = block[at + 1] ?? 0
    const lengthLow = block[at + 2] ?? (isChecksum ? CHECKSUM_BYTES : 0)
    const length = 256 * lengthHigh + lengthLow
    const valueAt = at + TLV_HEAD_BYTES
    if (isChecksum) {
      if (checksumAt !== undefined) throw new ProxyHeaderError("more than one checksum")
      if (length !== CHECKSUM_BYTES) throw new ProxyHeaderError("checksum is not 4 bytes long")
      checksumAt = valueAt
    }
    if (type === SSL_TYPE && length >= SSL_BYTES) isTls ??= ((block[valueAt] ?? 0) & CLIENT_USED_SSL) !== 0
    at = valueAt + length
    if (at > end) throw new ProxyHeaderError("truncated TLV")
    // The length is incomplete, so the offset of the next TLV is still unknown.
    if (!isChecksum && block.length < valueAt) break
  }
  return { checksumAt, isTls: isTls === true }
}

/** Section 2.2.3: the checksum covers the whole header, with zeros in place of the checksum itself. */
function verifyChecksum(block: Buffer, at: number): void {
  const zeroed = Buffer.from(block)
  zeroed.writeUInt32BE(0, at)
  if (crc32c(zeroed) !== block.readUInt32BE(at)) throw new ProxyHeaderError("wrong checksum")
}

function addressesIn(block: Buffer, ipBytes: 4 | 16): Omit<ProxyHeader, "length"> {
  const destinationAt = FIXED_BYTES + ipBytes
  const portsAt = destinationAt + ipBytes
  return {
    source: { ip: textOfIp(block.subarray(FIXED_BYTES, destinationAt)), port: block.readUInt16BE(portsAt) },
    destination: {
      ip: textOfIp(block.subarray(destinationAt, portsAt)),
      port: block.readUInt16BE(portsAt + 2),
    },
  }
}
