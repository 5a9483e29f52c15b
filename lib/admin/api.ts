/** The routes of the admin API. Its fields and errors are described in `openapi.ts`. */
import { problemsIn } from "../config/refused-config.js"
import type { History } from "./history.js"
import { OPENAPI } from "./openapi.js"
import { membersOf, toLevel, toSessionQuery, toText, toWeight } from "./requests.js"
import { AdminError, type AdminRequest, type AdminResponse, type AdminRoute, json } from "./route.js"
import type { AdminSource, BackendChange } from "./source.js"

type Handler = (request: AdminRequest) => AdminResponse | Promise<AdminResponse>

const BACKEND = "/api/pools/:pool/backends/:backend"

export function apiRoutes(source: AdminSource, history: History): readonly AdminRoute[] {
  const change = async (pool: string | undefined, change: BackendChange) =>
    json({ changes: await applied(() => source.changeBackend(pool ?? "", change)) })
  const plainChange =
    (kind: "remove" | "drain" | "undrain"): Handler =>
    ({ params: { pool, backend = "" } }) =>
      change(pool, { kind, backend })
  const description = json(OPENAPI)
  return [
    get("/api/status", () => json(source.status())),
    get("/api/listeners", () => json(source.listeners())),
    get("/api/pools", () => json(source.pools())),
    get("/api/sessions", async ({ query }) => json(await source.sessions(toSessionQuery(query)))),
    get("/api/ended", () => json({ sessions: history.ended() })),
    get("/api/events", ({ signal }) => ({
      status: 200,
      type: "text/event-stream",
      stream: history.events.subscribe(signal),
    })),
    get("/openapi.json", () => description),
    post("/api/sessions/:id/close", async ({ params: { id = "" } }) => {
      if (await source.closeSession(id)) return json({ closed: 1 })
      throw new AdminError(404, `no session ${id}: it has ended`)
    }),
    post("/api/pools/:pool/backends", ({ params: { pool }, body }) => {
      const { address, weight } = membersOf(body, ["address", "weight"])
      const backend = toText(address, "address")
      return change(pool, {
        kind: "add",
        backend,
        weight: weight === undefined ? undefined : toWeight(weight),
      })
    }),
    post(`${BACKEND}/remove`, plainChange("remove")),
    post(`${BACKEND}/drain`, plainChange("drain")),
    post(`${BACKEND}/undrain`, plainChange("undrain")),
    post(`${BACKEND}/weight`, ({ params: { pool, backend = "" }, body }) => {
      const { weight } = membersOf(body, ["weight"])
      return change(pool, { kind: "weight", backend, weight: toWeight(weight) })
    }),
    post(`${BACKEND}/close`, async ({ params: { pool = "", backend = "" } }) =>
      json(await source.closeTunnels(pool, backend)),
    ),
    post("/api/reload", async () => json({ changes: await applied(() => source.reload()) })),
    post("/api/log-level", async ({ body }) => {
      const level = toLevel(membersOf(body, ["level"]).level)
      await applied(() => source.setLogLevel(level))
      return json({ level })
    }),
  ]
}

function get(path: string, handle: Handler): AdminRoute {
  return { method: "GET", path, handle }
}

function post(path: string, handle: Handler): AdminRoute {
  return { method: "POST", path, handle }
}

/** A configuration that can't be applied leaves everything as it was. */
async function applied<Changes>(apply: () => Promise<Changes>): Promise<Changes> {
  try {
    return await apply()
  } catch (error) {
    const problems = problemsIn(error)
    if (problems === undefined) throw error
    throw new AdminError(422, "refused: the running configuration stays", { problems })
  }
}
