/** The keys of a `[registry.NAME]`: where endpoints are looked up, and where they may be. */
import { z } from "zod"
import { parseDestinations } from "../address/destinations.js"
import { tlsSchema } from "../net/tls-settings.js"
import { checkHttpUrl } from "../settings/http-url.js"
import { deadlineMs, faultIn, oneOf, optionalMs, whole } from "../settings/kinds.js"
import { SettingError } from "../settings/setting-error.js"

const path = z.string("expected the path of a file").min(1, "expected the path of a file")

export const STORES = ["file", "redis", "http"] as const

const shape = {
  store: oneOf(STORES)
    .describe('Where the endpoints are: `"file"`, `"redis"` (Redis or Valkey) or `"http"`')
    .meta({ example: "file" }),
  file: path
    .optional()
    .describe("File of the store `file`: TOML, or JSON if it ends with `.json`; read again when it changes")
    .meta({ ifAbsent: "none", example: "/etc/rws/endpoints.toml" }),
  url: z
    .string("expected a URL")
    .optional()
    .describe(
      "Server of the store: `redis://[user@]host[:port][/db]` or `rediss://…`; for `http` the URL of an entry, `http://` or `https://`, with `{key}` in its path or query",
    )
    .meta({ ifAbsent: "none", example: "redis://127.0.0.1:6379", otherNames: "redis_url endpoint_url" }),
  password_file: path
    .optional()
    .describe(
      "File with the password for Redis, or with the bearer token that `http` sends; read again at a reload, for each new connection to Redis and after a 401",
    )
    .meta({ ifAbsent: "none", example: "/etc/rws/redis-password", otherNames: "token_file" }),
  prefix: z
    .string("expected text")
    .default("rws:endpoint:")
    .describe("What the keys in Redis begin with, in front of an endpoint's key")
    .meta({ otherNames: "key_prefix" }),
  ttl_ms: optionalMs
    .default(10_000)
    .describe("How long an endpoint is used before Redis or the HTTP server is asked again; 0 = each time")
    .meta({ example: 60_000, otherNames: "cache_ttl_ms ttl cache_ttl" }),
  negative_ttl_ms: optionalMs
    .default(1000)
    .describe("The same for a key that has no endpoint, and for one whose lookup failed")
    .meta({ example: 5000, otherNames: "negative_ttl" }),
  stale_ms: optionalMs
    .default(0)
    .describe("While the store fails: how old an endpoint may be that is used all the same; 0 = none is used")
    .meta({ example: 3_600_000, otherNames: "max_stale_ms stale_if_error" }),
  timeout_ms: deadlineMs
    .default(2000)
    .describe("Deadline for one question to the store, its connection included")
    .meta({ example: 500, otherNames: "timeout connect_timeout_ms" }),
  max_entries: whole(1, 10_000_000)
    .default(10_000)
    .describe("Endpoints that are remembered, and as many keys without an endpoint")
    .meta({ example: 100_000, otherNames: "cache_size max_size" }),
  allow_destinations: z
    .array(
      z.string("expected a destination").superRefine(checkDestination),
      "expected a list of destinations",
    )
    .default([])
    .describe(
      "Where endpoints may be, checked after resolution: a name or `*.example.com` (the public and private addresses that it resolves to), `localhost` (loopback), an IP address or a range such as `10.0.0.0/8` (under any name), each with or without `:port` or `:port-port`; empty = all public addresses, on any port",
    )
    .meta({
      example: ["*.svc.example.com:443", "10.20.0.0/16:8000-8999"],
      otherNames: "allowed_destinations",
    }),
  tls: tlsSchema.optional().describe("Table: TLS with `wss://` endpoints").meta({ ifAbsent: "see below" }),
}

export const registrySchema = z.strictObject(shape, "expected [registry.NAME]")

export type RegistrySettings = Readonly<z.output<typeof registrySchema>>

function checkDestination(entry: string, context: z.RefinementCtx): void {
  const message = faultIn(() => parseDestinations([entry]))
  if (message !== undefined) context.addIssue({ code: "custom", message })
}

/** What is wrong with the keys of a registry together, each with its key. */
export function crossCheckRegistry({
  store,
  file,
  url,
  password_file,
}: Partial<Pick<RegistrySettings, "store" | "file" | "url" | "password_file">>): [
  key: string,
  fault: string,
][] {
  if (store === "file") {
    const others = Object.entries({ url, password_file }).filter(([, value]) => value !== undefined)
    const faults = others.map(([key]): [string, string] => [key, 'has no effect with store = "file"'])
    return file === undefined ? [["file", 'required with store = "file"'], ...faults] : faults
  }
  const faults: [string, string][] =
    file === undefined ? [] : [["file", 'has no effect without store = "file"']]
  if (url === undefined) return [["url", `required with store = "${store}"`], ...faults]
  const fault = faultIn(() => (store === "redis" ? checkRedisUrl(url) : checkUrlOfEntries(url)))
  return fault === undefined ? faults : [["url", fault], ...faults]
}

function checkRedisUrl(text: string): void {
  // The text is not repeated, since it may contain a password.
  if (!URL.canParse(text))
    throw new SettingError("not a URL: expected redis://host[:port][/db] or rediss://…")
  const url = new URL(text)
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw new SettingError("expected redis://host[:port][/db] or rediss://…")
  }
  if (url.password !== "")
    throw new SettingError("put the password into a file, and its path into password_file")
  if (url.search !== "" || url.hash !== "" || !/^\/?\d*$/.test(url.pathname)) {
    throw new SettingError("expected redis://host[:port][/db], without query and fragment")
  }
}

function checkUrlOfEntries(text: string): void {
  checkHttpUrl(text)
  const place = /^[^/]*\/\/[^/]*(.*)$/.exec(text)?.[1] ?? ""
  if (text.split("{key}").length !== 2 || !place.includes("{key}")) {
    throw new SettingError(
      "expected {key} once, in the path or query: http://host[:port]/path/{key} or https://…",
    )
  }
}
