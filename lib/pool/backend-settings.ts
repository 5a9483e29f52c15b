/** The keys of one backend. */
import { z } from "zod"
import { parseBackendAddress, toAddressText } from "../address/backend-address.js"
import { checkedText, flag, limit, whole } from "../settings/kinds.js"
import { SettingError } from "../settings/setting-error.js"

const MAX_WEIGHT = 1000

/** Of a `URL` it gets the text: `snapshot` has replaced it. */
export const addressSchema: z.ZodType<string, string | URL> = checkedText(
  parseBackendAddress,
  'expected an address, as in "127.0.0.1:9000"',
)

export const backendSchema = z.strictObject(
  {
    address: addressSchema
      .describe(
        "Address: `host:port`, `[v6]:port`, `ws://host[:port][/path]`, `wss://host[:port][/path]` or `unix:/path`",
      )
      .meta({ otherNames: "addr socket_address server url host endpoint dial" }),
    weight: whole(0, MAX_WEIGHT)
      .default(1)
      .describe(`Share of the sessions relative to the other weights, 1 to ${MAX_WEIGHT}; 0 = as \`drain\``),
    max_connections: limit
      .default(0)
      .describe("Concurrent sessions; a full backend is skipped; 0 = unlimited")
      .meta({
        otherNames: `maxconn max_conns maxConnsPerHost fullconn circuit_breakers max_requests
          unhealthy_request_count`,
      }),
    backup: flag.default(false).describe("Used only when no primary can be dialled"),
    drain: flag
      .default(false)
      .describe("Gets no new sessions; open tunnels stay")
      .meta({ otherNames: "down disabled draining" }),
  },
  'expected an address, as in "127.0.0.1:9000", or a table with one',
)

export type BackendSettings = Readonly<z.output<typeof backendSchema>>

/** A backend as it is written: an address, or a table whose keys with a default may be left out. */
export type BackendInput = string | URL | Readonly<z.input<typeof backendSchema>>

const DEFAULTS = backendSchema.omit({ address: true }).parse({})

type BackendTable = Readonly<z.input<typeof backendSchema>> & { readonly address: string }

export function toBackendTable(input: BackendInput): BackendTable {
  if (typeof input === "string" || input instanceof URL) return { address: toAddressText(input) }
  return { ...input, address: toAddressText(input.address) }
}

/** Fills in the defaults. Throws `SettingError`; does not check the address. */
export function toBackendSettings(input: BackendInput): BackendSettings {
  const {
    address,
    weight = DEFAULTS.weight,
    max_connections = DEFAULTS.max_connections,
    backup = DEFAULTS.backup,
    drain = DEFAULTS.drain,
  } = toBackendTable(input)
  if (!Number.isInteger(weight) || weight < 0 || weight > MAX_WEIGHT) {
    throw new SettingError(
      `"${address}" has weight ${weight}: expected a whole number from 0 to ${MAX_WEIGHT}`,
    )
  }
  if (!Number.isInteger(max_connections) || max_connections < 0) {
    throw new SettingError(
      `"${address}" has max_connections ${max_connections}: expected 0 (unlimited) or a positive whole number`,
    )
  }
  return { address, weight, max_connections, backup, drain }
}
