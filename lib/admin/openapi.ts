/** The admin API in OpenAPI 3.1, as `GET /openapi.json` shows it. A test compares it with the routes. */
import { LOG_LEVELS } from "../config/schema.js"
import { BALANCES } from "../pool/pool-settings.js"
import { MAX_LIMIT, MAX_OFFSET } from "./requests.js"
import { SORTS } from "./source.js"

type Json = Readonly<Record<string, unknown>>

const text: Json = { type: "string" }
const count: Json = { type: "integer", minimum: 0 }
const number: Json = { type: "number" }
const yes: Json = { type: "boolean" }
const time: Json = { type: "string", format: "date-time" }

function describe(schema: Json, description: string): Json {
  return { ...schema, description }
}

function oneOf(values: readonly string[]): Json {
  return { type: "string", enum: values }
}

function listOf(items: Json): Json {
  return { type: "array", items }
}

/** @param optional names of the properties that may be absent */
function object(properties: Readonly<Record<string, Json>>, optional: readonly string[] = []): Json {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: "object", required, properties }
}

function ref(name: string): Json {
  return { $ref: `#/components/schemas/${name}` }
}

const sessionPage = object(
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

const schemas: Readonly<Record<string, Json>> = {
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

function responding(description: string, schema: Json, type = "application/json"): Json {
  return {
    responses: {
      200: { description, content: { [type]: { schema } } },
      default: { description: "Refused", content: { "application/json": { schema: ref("Error") } } },
    },
  }
}

function inPath(...names: readonly string[]): Json[] {
  return names.map((name) => ({ name, in: "path", required: true, schema: text }))
}

function taking(schema: Json): Json {
  return { requestBody: { required: true, content: { "application/json": { schema } } } }
}

const CHANGES = responding("What has changed, in words", object({ changes: listOf(text) }))
const CLOSED = responding("How many sessions are closed", object({ closed: count }))
const UNTIL_RELOAD = "Holds until the next reload of the configuration file."

/** A change of one backend without a body. */
function backendChange(summary: string): Json {
  return { post: { summary, description: UNTIL_RELOAD, parameters: inPath("pool", "backend"), ...CHANGES } }
}

const BACKEND = "/api/pools/{pool}/backends/{backend}"

const paths: Readonly<Record<string, Json>> = {
  "/api/status": { get: { summary: "What rws is and does", ...responding("Status", ref("Status")) } },
  "/api/listeners": {
    get: { summary: "Listeners and their routes", ...responding("Listeners", listOf(ref("Listener"))) },
  },
  "/api/pools": { get: { summary: "Pools and backends", ...responding("Pools", listOf(ref("Pool"))) } },
  "/api/sessions": {
    get: {
      summary: "Live sessions of all threads, filtered, sorted and paged",
      parameters: [
        ...["listener", "pool", "backend", "stage"].map((name) => inQuery(name, text)),
        inQuery("client", describe(text, "A part of the address")),
        inQuery("sort", describe(text, `One of ${SORTS.join(", ")}; with - in front: descending`)),
        inQuery("limit", { type: "integer", minimum: 1, maximum: MAX_LIMIT, default: 100 }),
        inQuery("offset", { type: "integer", minimum: 0, maximum: MAX_OFFSET, default: 0 }),
      ],
      ...responding("One page", sessionPage),
    },
  },
  "/api/ended": {
    get: {
      summary: "The last 200 sessions that have ended, the latest one first",
      ...responding("Ended sessions", object({ sessions: listOf(ref("EndedSession")) })),
    },
  },
  "/api/events": {
    get: {
      summary: "Server-sent events: open, end, refuse, backend, reload, and lost",
      description: "A client that is too slow loses events; lost says how many.",
      ...responding("Events", text, "text/event-stream"),
    },
  },
  "/openapi.json": { get: { summary: "This document", ...responding("OpenAPI 3.1", object({})) } },
  "/api/sessions/{id}/close": {
    post: { summary: "Close one session", parameters: inPath("id"), ...CLOSED },
  },
  "/api/pools/{pool}/backends": {
    post: {
      summary: "Add a backend",
      description: UNTIL_RELOAD,
      parameters: inPath("pool"),
      ...taking(object({ address: text, weight: count }, ["weight"])),
      ...CHANGES,
    },
  },
  [`${BACKEND}/remove`]: backendChange("Remove a backend"),
  [`${BACKEND}/drain`]: backendChange("Send a backend no new sessions"),
  [`${BACKEND}/undrain`]: backendChange("End that"),
  [`${BACKEND}/weight`]: {
    post: {
      summary: "Set a backend's weight",
      description: UNTIL_RELOAD,
      parameters: inPath("pool", "backend"),
      ...taking(object({ weight: count })),
      ...CHANGES,
    },
  },
  [`${BACKEND}/close`]: {
    post: {
      summary: "Close all tunnels of a backend, over drain_spread_ms",
      parameters: inPath("pool", "backend"),
      ...CLOSED,
    },
  },
  "/api/reload": { post: { summary: "Read the configuration file again", ...CHANGES } },
  "/api/log-level": {
    post: {
      summary: "Change the log level",
      description: UNTIL_RELOAD,
      ...taking(object({ level: oneOf(LOG_LEVELS) })),
      ...responding("The new level", object({ level: oneOf(LOG_LEVELS) })),
    },
  },
}

function inQuery(name: string, schema: Json): Json {
  return { name, in: "query", schema }
}

export const OPENAPI = {
  openapi: "3.1.0",
  info: {
    title: "Admin API of rws",
    version: "1",
    description: "Errors have a status of 4xx or 5xx and say in `error` what is wrong.",
  },
  security: [{}, { token: [] }],
  paths,
  components: {
    schemas,
    securitySchemes: {
      token: { type: "http", scheme: "bearer" },
    },
  },
} as const
