/**
 * The admin server with an API whose values a test sets, for tests of the page. They have the types of the
 * real API.
 */
import { formatAddress, parseBindAddress } from "../../../lib/address/address.js"
import type {
  BackendStatus,
  EndedSessions,
  EndedStatus,
  ListenerStatus,
  PoolStatus,
  ProxyStatus,
  SessionPage,
  SessionStatus,
} from "../../../lib/admin/api-types.js"
import { pageRoute } from "../../../lib/admin/page/page-route.js"
import { type AdminError, type AdminRequest, type AdminRoute, json } from "../../../lib/admin/route.js"
import { AdminServer } from "../../../lib/admin/server.js"
import { CLOSE_REASONS, type CloseReason } from "../../../lib/close-reason.js"

/** What the API shows. Tests change it. */
export interface World {
  status: ProxyStatus
  listeners: ListenerStatus[]
  pools: PoolStatus[]
  sessions: SessionStatus[]
  ended: EndedStatus[]
  /** What orders are refused with. */
  refusal?: AdminError
  /** What orders respond with. Default: a change. */
  response?: object
}

export interface FakeAdmin {
  readonly url: string
  readonly world: World
  /** Each POST: its path and body. */
  readonly orders: readonly string[]
  /** The queries that sessions have been asked for with. */
  readonly queries: readonly string[]
  close(): Promise<void>
}

export async function startFakeAdmin(
  t: { teardown(end: () => unknown): unknown },
  { token, world = quietWorld() }: { token?: string; world?: World } = {},
): Promise<FakeAdmin> {
  const orders: string[] = []
  const queries: string[] = []
  const server = new AdminServer({ bind: parseBindAddress("127.0.0.1:0"), token }, [
    pageRoute(),
    show<ProxyStatus>("/api/status", () => world.status),
    show<readonly ListenerStatus[]>("/api/listeners", () => world.listeners),
    show<readonly PoolStatus[]>("/api/pools", () => world.pools),
    show<EndedSessions>("/api/ended", () => ({
      sessions: world.ended,
    })),
    show<SessionPage>("/api/sessions", ({ query }) => {
      queries.push(String(query))
      return pageOf(world.sessions, query)
    }),
    order("/api/sessions/:id/close", ({ params: { id } }) => {
      world.sessions = world.sessions.filter((session) => session.id !== id)
    }),
    order("/api/pools/:pool/backends"),
    order("/api/pools/:pool/backends/:backend/:action"),
    order("/api/reload"),
    order("/api/log-level"),
  ])
  t.teardown(() => server.close())
  const url = `http://${formatAddress(await server.listen())}/`
  return { url, world, orders, queries, close: () => server.close() }

  function show<T>(path: string, value: (request: AdminRequest) => T): AdminRoute {
    return { method: "GET", path, handle: (request) => json(value(request)) }
  }

  function order(path: string, effect: (request: AdminRequest) => void = () => {}): AdminRoute {
    return {
      method: "POST",
      path,
      handle: (request) => {
        const { params, body } = request
        const written = path.replace(/:(\w+)/g, (_, name) => params[name] ?? "")
        orders.push([written, body && JSON.stringify(body)].filter(Boolean).join(" "))
        if (world.refusal !== undefined) throw world.refusal
        effect(request)
        return json(world.response ?? { changes: ["a change"] })
      },
    }
  }
}

function pageOf(sessions: readonly SessionStatus[], query: URLSearchParams): SessionPage {
  const client = query.get("client") ?? ""
  const found = sessions.filter((session) => session.client.includes(client))
  const sort = query.get("sort") ?? ""
  const key = sort.replace("-", "") as keyof SessionStatus
  const sign = sort.startsWith("-") ? -1 : 1
  found.sort((one, other) => ((one[key] ?? "") < (other[key] ?? "") ? -sign : sign))
  const offset = Number(query.get("offset"))
  return { total: found.length, sessions: found.slice(offset, offset + Number(query.get("limit"))) }
}

/** rws has just started, and nobody has connected. */
export function quietWorld(): World {
  return {
    status: {
      version: "0.1.0",
      nodeVersion: "v24.1.0",
      startedAt: "2026-01-02T03:04:00.000Z",
      uptimeS: 5,
      workers: 1,
      draining: false,
      reloads: 0,
      logLevel: "info",
      totals: {
        sessions: 0,
        tunnels: 0,
        live: 0,
        liveTunnels: 0,
        bytesFromClient: 0,
        bytesFromBackend: 0,
        refusals: {},
      },
    },
    listeners: [listener("public", "0.0.0.0:8080")],
    pools: [{ name: "chat", balance: "round_robin", backends: [backend("10.0.0.7:9000")] }],
    sessions: [],
    ended: [],
  }
}

export function listener(
  name: string,
  address: string,
  others: Partial<ListenerStatus> = {},
): ListenerStatus {
  return {
    name,
    address,
    sessions: 0,
    maxConnections: 0,
    pending: 0,
    maxPending: 0,
    draining: false,
    pool: "chat",
    routes: [],
    ...others,
  }
}

export function backend(name: string, others: Partial<BackendStatus> = {}): BackendStatus {
  return {
    name,
    state: "up",
    weight: 1,
    backup: false,
    active: 0,
    maxConnections: 0,
    dials: 0,
    failures: 0,
    share: 0,
    ...others,
  }
}

export function liveSession(id: string, others: Partial<SessionStatus> = {}): SessionStatus {
  return {
    id,
    listener: "public",
    client: `192.0.2.${id}:50000`,
    backend: "10.0.0.7:9000",
    pool: "chat",
    stage: "tunnel",
    ageMs: 1000,
    bytesFromClient: 100,
    bytesFromBackend: 200,
    rateFromClient: 1,
    rateFromBackend: 2,
    path: "/chat",
    ...others,
  }
}

/** Without a tunnel, unless `tunnelMs` is given. Who and the words are those of the reason. */
export function endedSession(others: Partial<EndedStatus> & { reason?: CloseReason } = {}): EndedStatus {
  const { reason = "client_fin" } = others
  const { who, text } = CLOSE_REASONS[reason]
  return {
    listener: "public",
    client: "192.0.2.9:50000",
    backend: "10.0.0.7:9000",
    path: "/chat",
    status: 101,
    bytesFromClient: 10,
    bytesFromBackend: 20,
    host: "chat.example.com",
    startedAt: Date.UTC(2026, 0, 2, 3, 4),
    endedAt: "2026-01-02T03:04:05.678Z",
    reason,
    who,
    text,
    ...others,
  }
}
