/** The JSON of the admin API as JSON Schema, for the OpenAPI document. */
import { LOG_LEVELS } from "../config/schema.js"
import { BALANCES } from "../pool/pool-settings.js"

/** A part of a JSON Schema, or of OpenAPI. */
export type Json = Readonly<Record<string, unknown>>

export const text: Json = { type: "string" }
export const count: Json = { type: "integer", minimum: 0 }
const number: Json = { type: "number" }
const yes: Json = { type: "boolean" }
const time: Json = { type: "string", format: "date-time" }

export function describe(schema: Json, description: string): Json {
  return { ...schema, description }
}

export function oneOf(values: readonly string[]): Json {
  return { type: "string", enum: values }
}

export function listOf(items: Json): Json {
  return { type: "array", items }
}

/** @param optional names of the properties that may be absent */
export function object(properties: Readonly<Record<string, Json>>, optional: readonly string[] = []): Json {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: "object", required, properties }
}

export function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` }
}

export const sessionPage = object(
  {
    total: describe(count, "How many match, on all pages"),
    sessions: listOf(ref("Session")),
    incomplete: {
      const: true,
      description: "A worker thread has not replied in time: its sessions are missing",
    },
  },
  ["incomplete"],
)

/** What the paths refer to by name. */
export const SCHEMAS: Readonly<Record<string, Json>> = {
  Status: object({
    version: text,
    nodeVersion: text,
    startedAt: time,
    uptimeS: count,
    workers: describe(count, "Threads that serve; 1 = the main thread alone"),
    draining: yes,
    reloads: describe(count, "Since the start, changes by this API included"),
    logLevel: oneOf(LOG_LEVELS),
    totals: object({
      sessions: describe(count, "Since the start"),
      tunnels: describe(count, "Since the start"),
      live: describe(count, "Sessions at present"),
      liveTunnels: describe(count, "Tunnels at present"),
      bytesFromClient: describe(
        count,
        "Of all tunnels, those that are open included; added up every 2 seconds",
      ),
      bytesFromBackend: count,
      refusals: { type: "object", additionalProperties: count, description: "By reason" },
    }),
  }),
  Listener: object(
    {
      name: text,
      address: describe(text, "The bound address"),
      sessions: describe(count, "At present"),
      maxConnections: describe(count, "0 = unlimited"),
      pending: describe(count, "Sessions that are not tunnels yet"),
      maxPending: describe(count, "0 = unlimited"),
      draining: yes,
      pool: describe(text, "Its own pool; absent if it has only routes"),
      routes: listOf(
        object(
          {
            route: describe(count, "Its number, from 1"),
            host: listOf(text),
            path: text,
            header: describe(listOf(text), "Names only: the values may be secret"),
            query: listOf(text),
            pool: text,
          },
          ["path"],
        ),
      ),
    },
    ["pool"],
  ),
  Pool: object({ name: text, balance: oneOf(BALANCES), backends: listOf(ref("Backend")) }),
  Backend: object(
    {
      name: describe(text, "The address as it is configured"),
      state: describe(
        oneOf(["up", "ejected", "down", "draining"]),
        "ejected: by failed attempts; down: by health checks; draining: it gets no new sessions",
      ),
      reason: text,
      since: describe(time, "When it last went down or came up"),
      weight: count,
      backup: yes,
      active: describe(count, "Sessions that hold a place there"),
      maxConnections: describe(count, "0 = unlimited"),
      dials: count,
      failures: describe(count, "Attempts that failed by its own fault, at the dial or in the handshake"),
      share: describe(number, "Its part of the pool's sessions at present, 0 to 1"),
    },
    ["reason", "since"],
  ),
  Session: object(
    {
      id: text,
      listener: text,
      client: text,
      backend: describe(text, "The one that was tried last"),
      pool: text,
      route: text,
      stage: text,
      ageMs: count,
      bytesFromClient: count,
      bytesFromBackend: count,
      rateFromClient: describe(
        number,
        "Bytes per second since it was last listed; at first, since its start",
      ),
      rateFromBackend: number,
      path: describe(text, "Without its query"),
    },
    ["backend", "pool", "route", "path"],
  ),
  EndedSession: {
    ...object({
      listener: text,
      client: text,
      reason: describe(text, "A code of the table of reasons"),
      who: oneOf(["client", "backend", "proxy"]),
      text: describe(text, "The reason in words"),
      endedAt: time,
      bytesFromClient: count,
      bytesFromBackend: count,
    }),
    additionalProperties: true,
    description: "And what else the library's events tell about a session, as in `SessionSummary`",
  },
  Error: object({ error: text, problems: listOf(text) }, ["problems"]),
}
