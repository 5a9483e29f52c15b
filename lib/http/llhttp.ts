/**
 * The only file that knows llhttp, the HTTP parser inside Node, here as the WebAssembly build that undici ships.
 *
 * One WebAssembly instance serves the process. A head is handed over whole, because our own scan has found its end, so
 * one parser for requests and one for responses are enough for all sessions: each is reset before its next head.
 * Only the body of a relayed answer, which arrives in pieces, needs a parser of its own for as long as it lasts.
 */
import { createRequire } from "node:module"
import constants from "llhttp/lib/llhttp/constants.js"
import simdWasm from "llhttp/lib/llhttp/llhttp_simd-wasm.js"
import { type HeadKind, MAX_HEAD_BYTES } from "./head-scanner.js"

/** The exports of the WebAssembly module that we use. Pointers and lengths are numbers. */
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

/** What llhttp says of one complete head. */
export interface Dissection {
  /** What is wrong with it, or "". */
  readonly fault: string
  /** The number of bytes llhttp has read: the whole head, unless there is a fault. */
  readonly length: number
  /** Where each field name begins, in bytes from the head's first, in the order of the fields. */
  readonly fieldStarts: readonly number[]
}

const { ERROR, TYPE } = constants as { ERROR: Record<string, number>; TYPE: Record<string, number> }

/** `on_headers_complete` may answer 2: nothing after the head is HTTP, stop there (llhttp's API documentation). */
const STOP_AFTER_HEAD = 2
const GO_ON = 0
const SCRATCH_BYTES = MAX_HEAD_BYTES

let fieldStarts: number[] = []
let stopAfterHead = true

const llhttp = instantiate()
const scratch = llhttp.malloc(SCRATCH_BYTES)
const parsers: Record<HeadKind, number> = {
  request: llhttp.llhttp_alloc(TYPE.REQUEST as number),
  response: llhttp.llhttp_alloc(TYPE.RESPONSE as number),
}

/** Bytes of memory that the WebAssembly instance has now; it grows when something leaks. */
export function wasmMemoryBytes(): number {
  return llhttp.memory.buffer.byteLength
}

/** Runs one complete head, blank line included, through llhttp. */
export function dissect(kind: HeadKind, head: Uint8Array): Dissection {
  const parser = parsers[kind]
  llhttp.llhttp_reset(parser)
  fieldStarts = []
  stopAfterHead = true
  const outcome = execute(parser, head)
  return {
    fault: outcome === ERROR.PAUSED_UPGRADE ? "" : faultOf(parser),
    length: readBytes(parser),
    fieldStarts,
  }
}

/**
 * Finds where the body of a response ends, by Content-Length, by the last chunk or by the end of the connection
 * (RFC 9112 §6.3). `free` it when it is no longer needed: it owns WebAssembly memory.
 */
export class BodyEnd {
  /** True once the body is complete; bytes that follow do not belong to it. */
  complete = false

  readonly #parser = llhttp.llhttp_alloc(TYPE.RESPONSE as number)

  /** `head` is the response's complete head. */
  constructor(head: Uint8Array) {
    this.read(head)
  }

  /** Reads on. Returns how many of `bytes` belong to the body, or -1 if they break its framing. */
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

  /** Whether the end of the connection, now, is the end of the body: false means that it was cut. */
  endsHere(): boolean {
    if (this.complete) return true
    // A parser that has failed says OK to the end; one that has not stops in our callback, as at any end of a message.
    if (llhttp.llhttp_get_errno(this.#parser) !== ERROR.OK) return false
    const outcome = llhttp.llhttp_finish(this.#parser)
    return outcome === ERROR.OK || outcome === ERROR.PAUSED
  }

  free(): void {
    llhttp.llhttp_free(this.#parser)
  }
}

function execute(parser: number, bytes: Uint8Array): number {
  new Uint8Array(llhttp.memory.buffer, scratch, bytes.length).set(bytes)
  return llhttp.llhttp_execute(parser, scratch, bytes.length)
}

function readBytes(parser: number): number {
  return llhttp.llhttp_get_error_pos(parser) - scratch
}

function faultOf(parser: number): string {
  const reason = llhttp.llhttp_get_error_reason(parser)
  if (reason === 0) return "llhttp did not reach the end of the head"
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
        if (stopAfterHead) fieldStarts.push(at - scratch)
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
    // A machine without SIMD. The other build is loaded only here: it would stay in memory on every machine.
    return new WebAssembly.Module(createRequire(import.meta.url)("llhttp/lib/llhttp/llhttp-wasm.js"))
  }
}
