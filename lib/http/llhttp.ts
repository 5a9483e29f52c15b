/**
 * Wraps llhttp, the HTTP parser inside Node, in the WebAssembly build that undici ships. No other file uses
 * llhttp.
 *
 * One WebAssembly instance serves the whole process. `HeadScanner` finds the end of a head first, so llhttp
 * always gets complete heads, and all sessions share one request parser and one response parser, reset before
 * each head. Only the body of a relayed response arrives in pieces and needs a parser of its own until it
 * ends.
 */
import { createRequire } from "node:module"
import constants from "llhttp/lib/llhttp/constants.js"
import simdWasm from "llhttp/lib/llhttp/llhttp_simd-wasm.js"
import { type HeadKind, MAX_HEAD_BYTES } from "./head-scanner.js"

/** The exports that rws uses. Pointers and lengths are numbers. */
interface Llhttp {
  readonly memory: WebAssembly.Memory
  _initialize(): void
  malloc(bytes: number): number
  llhttp_alloc(type: number): number
  llhttp_free(parser: number): void
  llhttp_reset(parser: number): void
  llhttp_execute(parser: number, data: number, length: number): number
  llhttp_finish(parser: number): number
  llhttp_get_errno(parser: number): number
  llhttp_get_error_pos(parser: number): number
  llhttp_get_error_reason(parser: number): number
}

/** Result of parsing one complete head. */
export interface Dissection {
  /** What is wrong; "" if nothing is. */
  readonly fault: string
  /** Number of bytes that llhttp consumed: the whole head, unless there is a fault. */
  readonly length: number
  /** Offset in bytes of each field name, in the order of the fields. */
  readonly fieldStarts: readonly number[]
}

const { ERROR, TYPE } = constants as { ERROR: Record<string, number>; TYPE: Record<string, number> }

/**
 * `on_headers_complete` returns 2 to stop after the head: what follows is not HTTP (llhttp's API
 * documentation).
 */
const STOP_AFTER_HEAD = 2
const GO_ON = 0
const SCRATCH_BYTES = MAX_HEAD_BYTES

/** Reused for every head: an array that grows by `push` reserves more room than it needs. */
const starts: number[] = []
let startCount = 0
let stopAfterHead = true

const llhttp = instantiate()
const scratch = llhttp.malloc(SCRATCH_BYTES)
let memory = new Uint8Array(llhttp.memory.buffer)
const parsers: Record<HeadKind, number> = {
  request: llhttp.llhttp_alloc(TYPE.REQUEST as number),
  response: llhttp.llhttp_alloc(TYPE.RESPONSE as number),
}

/** Memory of the WebAssembly instance. It grows if parsers leak. */
export function wasmMemoryBytes(): number {
  return llhttp.memory.buffer.byteLength
}

/** Parses one complete head, blank line included. */
export function dissect(kind: HeadKind, head: Uint8Array): Dissection {
  const parser = parsers[kind]
  llhttp.llhttp_reset(parser)
  startCount = 0
  stopAfterHead = true
  const outcome = execute(parser, head)
  return {
    fault: outcome === ERROR.PAUSED_UPGRADE ? "" : faultOf(parser),
    length: readBytes(parser),
    fieldStarts: starts.slice(0, startCount),
  }
}

/**
 * Finds the end of a response's body: by Content-Length, the last chunk or the end of the connection (RFC
 * 9112 §6.3). Owns WebAssembly memory: call `free` when done.
 */
export class BodyEnd {
  /** Whether the body is complete. Bytes that follow are not part of it. */
  complete = false

  readonly #parser = llhttp.llhttp_alloc(TYPE.RESPONSE as number)

  /** `head` is the response's complete head. */
  constructor(head: Uint8Array) {
    this.read(head)
  }

  /** Returns how many of `bytes` belong to the body, or -1 if its framing is invalid. */
  read(bytes: Uint8Array): number {
    for (let from = 0; from < bytes.length && !this.complete; from += SCRATCH_BYTES) {
      const piece = bytes.subarray(from, from + SCRATCH_BYTES)
      stopAfterHead = false
      const outcome = execute(this.#parser, piece)
      if (outcome === ERROR.PAUSED) {
        this.complete = true
        return from + readBytes(this.#parser)
      }
      if (outcome !== ERROR.OK) return -1
    }
    return this.complete ? 0 : bytes.length
  }

  /** Whether a connection that ends now ends the body; if not, the body is truncated. */
  endsHere(): boolean {
    if (this.complete) return true
    // After a parse error llhttp_finish still returns OK, so check errno first. PAUSED comes from
    // on_message_complete.
    if (llhttp.llhttp_get_errno(this.#parser) !== ERROR.OK) return false
    const outcome = llhttp.llhttp_finish(this.#parser)
    return outcome === ERROR.OK || outcome === ERROR.PAUSED
  }

  free(): void {
    llhttp.llhttp_free(this.#parser)
  }
}

function execute(parser: number, bytes: Uint8Array): number {
  // The memory gets another buffer when it grows.
  if (memory.buffer !== llhttp.memory.buffer) memory = new Uint8Array(llhttp.memory.buffer)
  memory.set(bytes, scratch)
  return llhttp.llhttp_execute(parser, scratch, bytes.length)
}

function readBytes(parser: number): number {
  return llhttp.llhttp_get_error_pos(parser) - scratch
}

function faultOf(parser: number): string {
  const reason = llhttp.llhttp_get_error_reason(parser)
  if (reason === 0) return "incomplete head"
  const memory = Buffer.from(llhttp.memory.buffer)
  return memory.toString("latin1", reason, memory.indexOf(0, reason))
}

function instantiate(): Llhttp {
  const nothing = () => GO_ON
  const { exports } = new WebAssembly.Instance(compile(), {
    env: {
      wasm_on_message_begin: nothing,
      wasm_on_url: nothing,
      wasm_on_status: nothing,
      wasm_on_header_field: (_parser: number, at: number) => {
        if (stopAfterHead) starts[startCount++] = at - scratch
        return GO_ON
      },
      wasm_on_header_value: nothing,
      wasm_on_headers_complete: () => (stopAfterHead ? STOP_AFTER_HEAD : GO_ON),
      wasm_on_body: nothing,
      wasm_on_message_complete: () => (stopAfterHead ? GO_ON : ERROR.PAUSED),
    },
  })
  const instance = exports as unknown as Llhttp
  instance._initialize()
  return instance
}

function compile(): WebAssembly.Module {
  try {
    return new WebAssembly.Module(simdWasm)
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error
    // No SIMD on this machine. Imported lazily, so that other machines do not keep this build in memory.
    return new WebAssembly.Module(createRequire(import.meta.url)("llhttp/lib/llhttp/llhttp-wasm.js"))
  }
}
