/** The admin server in OpenAPI 3.1, as `GET /openapi.json` shows it. A test compares it with the routes. */
import { LOG_LEVELS } from "../config/schema.js"
import {
  count,
  describe,
  type Json,
  listOf,
  object,
  oneOf,
  ref,
  SCHEMAS,
  sessionPage,
  text,
} from "./openapi-schemas.js"
import { MAX_LIMIT, MAX_OFFSET } from "./requests.js"
import { SORTS } from "./source.js"

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

const UNCOUNTED =
  "A worker thread has not replied in time: it closes its tunnels once it can, and they are not counted"
const CHANGES = responding("What has changed, in words", object({ changes: listOf(text) }))
const CLOSED = responding("It is closed", object({ closed: { const: 1 } }))
const ALL_CLOSED = responding(
  "How many tunnels are closed",
  object({ closed: count, incomplete: describe({ const: true }, UNCOUNTED) }, ["incomplete"]),
)
const UNTIL_RELOAD = "Holds until the next reload of the configuration file."

/** Needs no token. */
const PUBLIC = { security: [] }

function plainText(status: number, description: string): Json {
  return { [status]: { description, content: { "text/plain": { schema: text } } } }
}

/** A change of one backend without a body. */
function backendChange(summary: string): Json {
  return { post: { summary, description: UNTIL_RELOAD, parameters: inPath("pool", "backend"), ...CHANGES } }
}

const BACKEND = "/api/pools/{pool}/backends/{backend}"

const paths: Readonly<Record<string, Json>> = {
  "/": { get: { summary: "The admin page", ...PUBLIC, ...responding("Page", text, "text/html") } },
  "/livez": {
    get: { summary: "Whether rws responds at all", ...PUBLIC, responses: plainText(200, "It does") },
  },
  "/readyz": {
    get: {
      summary: "Whether clients may be sent to rws",
      ...PUBLIC,
      responses: { ...plainText(200, "They may"), ...plainText(503, "rws starts or drains") },
    },
  },
  "/metrics": {
    get: { summary: "Metrics in Prometheus's text format", ...responding("Metrics", text, "text/plain") },
  },
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
      summary: "Server-sent events: open, end, refuse, backend, reload, drain, stop, worker, and lost",
      description:
        "drain: a listener begins to drain; stop: it has drained; worker: a thread has ended or is replaced. " +
        "A client that is too slow loses events; lost says how many.",
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
      ...ALL_CLOSED,
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
    title: "Admin server of rws",
    version: "1",
    description: "Errors have a status of 4xx or 5xx and say in `error` what is wrong.",
  },
  security: [{}, { token: [] }],
  paths,
  components: {
    schemas: SCHEMAS,
    securitySchemes: {
      token: { type: "http", scheme: "bearer" },
    },
  },
} as const
