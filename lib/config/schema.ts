/** The configuration: every key, what it means, its default and what it must be. The schema is closed. */
import { z } from "zod"
import { AddressError, isHostField, parseBindAddress } from "../address.js"
import { parseBackendAddress } from "../backend-address.js"
import { MAX_HEAD_BYTES } from "../http/head-scanner.js"
import { Pool } from "../routing/pool.js"

/** The longest time that a Node timer can wait, about 24 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

const durationMs = z
  .int("expected a whole number of milliseconds")
  .max(MAX_TIMEOUT_MS, `expected at most ${MAX_TIMEOUT_MS} ms, about 24 days`)
const deadlineMs = durationMs.min(1, "expected at least 1 ms; this deadline can't be switched off")
const optionalMs = durationMs.min(0, "expected 0 (off) or a number of milliseconds")

const backendSchema = z
  .string('expected an address, as in "127.0.0.1:9000"')
  .superRefine(refineBy(parseBackendAddress))

/**
 * The keys of one `[[ws_proxy]]`. The command line takes the same ones as flags, with `-` for `_`. The library may pass a
 * `Pool` as `backends`, to change them while the proxy runs.
 */
export const listenerSchema = z.strictObject({
  name: z
    .string("expected a name")
    .min(1, "expected at least one character")
    .optional()
    .describe("Name in logs and events (default: the bind address)"),
  bind: z
    .string('expected an address, as in "0.0.0.0:8080"')
    .superRefine(refineBy(parseBindAddress))
    .describe("Address to listen on: host:port, [v6]:port or unix:/path"),
  backends: z
    .instanceof(Pool)
    .or(
      z
        .array(backendSchema, 'expected a list of addresses, as in ["127.0.0.1:9000"]')
        .min(1, "expected at least one"),
    )
    .describe("Backends, each host:port, [v6]:port, ws://host[:port] or unix:/path"),
  connect_timeout_ms: deadlineMs.default(5000).describe("TCP connect to one backend"),
  read_timeout_ms: deadlineMs
    .default(30_000)
    .describe("From accept until the client's request head is complete"),
  handshake_timeout_ms: deadlineMs
    .default(10_000)
    .describe("From sending the head until the backend's answer is complete"),
  idle_timeout_ms: optionalMs.default(0).describe("No byte in either direction; 0 = never"),
  half_close_timeout_ms: optionalMs
    .default(30_000)
    .describe("After one side has closed: the other direction silent for this long; 0 = never"),
  drain_timeout_ms: deadlineMs.default(30_000).describe("At shutdown: how long open tunnels may go on"),
  max_head_bytes: z
    .int("expected a whole number of bytes")
    .min(64, "expected at least 64 bytes")
    .max(MAX_HEAD_BYTES, `expected at most ${MAX_HEAD_BYTES} bytes`)
    .default(8192)
    .describe("Longest request head"),
  max_connections: z
    .int("expected a whole number")
    .min(0, "expected 0 (no limit) or more")
    .default(0)
    .describe("Client connections at the same time; 0 = no limit"),
  keepalive_ms: durationMs
    .refine(
      (ms) => ms === 0 || ms >= 1000,
      "expected 0 (off) or at least 1000: the system counts it in seconds",
    )
    .default(60_000)
    .describe("TCP keepalive on both sockets; 0 = off"),
  host_header: z
    .string('expected "backend", "client" or a literal host[:port]')
    .refine(isHostField, 'expected "backend", "client" or a literal host[:port]')
    .default("backend")
    .describe('Host sent to the backend: "backend" (its address), "client" (as it came) or a literal'),
})

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const

const logSchema = z.strictObject({
  level: z
    .enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(", ")}`)
    .default("info")
    .describe("Lowest level written"),
})

export const configSchema = z.strictObject({
  log: logSchema.prefault({}),
  ws_proxy: z
    .array(listenerSchema, "expected [[ws_proxy]], with two pairs of brackets")
    .min(1, "expected at least one [[ws_proxy]]"),
})

/** One `[[ws_proxy]]` with its defaults filled in. */
export type ListenerConfig = z.output<typeof listenerSchema>
/** One `[[ws_proxy]]` as it is written: what has a default may be left out. */
export type ListenerInput = z.input<typeof listenerSchema>
/** A whole configuration with its defaults filled in. */
export type Config = z.output<typeof configSchema>
/** A configuration as it is written: what has a default may be left out. */
export type ConfigInput = z.input<typeof configSchema>

function refineBy(parse: (text: string) => unknown) {
  return (text: string, context: z.RefinementCtx) => {
    try {
      parse(text)
    } catch (error) {
      if (!(error instanceof AddressError)) throw error
      context.addIssue({ code: "custom", message: error.message })
    }
  }
}
