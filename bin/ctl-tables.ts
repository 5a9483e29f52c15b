/** What the admin API responds with, as lines for people. */
import type {
  BackendStatus,
  EndedStatus,
  ListenerStatus,
  PoolStatus,
  ProxyStatus,
  SessionStatus,
} from "../lib/admin/api-types.js"
import { formatBytes, formatDuration } from "../lib/ops/figures.js"
import { type Column, toTable } from "./text-table.js"

export function describeStatus({ totals, ...status }: ProxyStatus): string[] {
  const refused = Object.entries(totals.refusals).map(([reason, times]) => `${reason} ${times}`)
  const threads = status.workers === 1 ? "one thread" : `${status.workers} worker threads`
  return [
    `rws ${status.version} on Node.js ${status.nodeVersion}, ${threads}, up for ${formatDuration(status.uptimeS * 1000)}${status.draining ? ", draining" : ""}`,
    `sessions  ${totals.live} at present, ${totals.sessions} in all`,
    `tunnels   ${totals.liveTunnels} at present, ${totals.tunnels} in all`,
    `bytes     ${formatBytes(totals.bytesFromClient)} from clients, ${formatBytes(totals.bytesFromBackend)} from backends`,
    `refused   ${refused.length === 0 ? "none" : refused.join(", ")}`,
    `reloads   ${status.reloads}`,
    `log level ${status.logLevel}`,
  ]
}

const LISTENER_COLUMNS: readonly Column<ListenerStatus>[] = [
  { title: "LISTENER", text: ({ name }) => name },
  { title: "ADDRESS", text: ({ address }) => address },
  {
    title: "SESSIONS",
    isNumber: true,
    text: ({ sessions, maxConnections }) => partOf(sessions, maxConnections),
  },
  { title: "PENDING", isNumber: true, text: ({ pending, maxPending }) => partOf(pending, maxPending) },
  { title: "ROUTES", isNumber: true, text: ({ routes }) => String(routes.length) },
  { title: "POOL", text: ({ pool = "" }) => pool },
  { title: "", text: ({ draining }) => (draining ? "draining" : "") },
]

/** As in "7/100"; 0 = unlimited. */
function partOf(used: number, max: number): string {
  return max === 0 ? String(used) : `${used}/${max}`
}

interface PooledBackend extends BackendStatus {
  readonly pool: string
}

const BACKEND_COLUMNS: readonly Column<PooledBackend>[] = [
  { title: "POOL", text: ({ pool }) => pool },
  { title: "BACKEND", text: ({ name }) => name },
  { title: "STATE", text: ({ state }) => state },
  { title: "WEIGHT", isNumber: true, text: ({ weight }) => String(weight) },
  { title: "ACTIVE", isNumber: true, text: ({ active }) => String(active) },
  { title: "SHARE", isNumber: true, text: ({ share }) => `${Math.round(share * 100)} %` },
  { title: "DIALS", isNumber: true, text: ({ dials }) => String(dials) },
  { title: "FAILED", isNumber: true, text: ({ failures }) => String(failures) },
  { title: "REASON", text: ({ state, reason = "" }) => (state === "up" ? "" : reason) },
]

export function describeListeners(listeners: readonly ListenerStatus[]): string[] {
  return toTable(LISTENER_COLUMNS, listeners)
}

export function describePools(pools: readonly PoolStatus[]): string[] {
  const backends = pools.flatMap(({ name: pool, backends }) =>
    backends.map((backend) => ({ ...backend, pool })),
  )
  return toTable(BACKEND_COLUMNS, backends)
}

const SESSION_COLUMNS: readonly Column<SessionStatus>[] = [
  { title: "ID", text: ({ id }) => id },
  { title: "AGE", isNumber: true, text: ({ ageMs }) => formatDuration(ageMs) },
  { title: "CLIENT", text: ({ client }) => client },
  { title: "LISTENER", text: ({ listener }) => listener },
  { title: "BACKEND", text: ({ backend = "" }) => backend },
  { title: "STAGE", text: ({ stage }) => stage },
  { title: "IN", isNumber: true, text: ({ bytesFromClient }) => formatBytes(bytesFromClient) },
  { title: "IN/S", isNumber: true, text: ({ rateFromClient }) => formatBytes(rateFromClient) },
  { title: "OUT", isNumber: true, text: ({ bytesFromBackend }) => formatBytes(bytesFromBackend) },
  { title: "OUT/S", isNumber: true, text: ({ rateFromBackend }) => formatBytes(rateFromBackend) },
  { title: "PATH", text: ({ path = "" }) => path },
]

export function describeSessions(sessions: readonly SessionStatus[]): string[] {
  return toTable(SESSION_COLUMNS, sessions)
}

const ENDED_COLUMNS: readonly Column<EndedStatus>[] = [
  { title: "ENDED", text: ({ endedAt }) => endedAt },
  { title: "CLIENT", text: ({ client }) => client },
  { title: "LISTENER", text: ({ listener }) => listener },
  { title: "BACKEND", text: ({ backend = "" }) => backend },
  {
    title: "LASTED",
    isNumber: true,
    text: ({ tunnelMs }) => (tunnelMs === undefined ? "" : formatDuration(tunnelMs)),
  },
  { title: "REASON", text: ({ reason }) => reason },
  { title: "", text: ({ text }) => text },
]

export function describeEnded(sessions: readonly EndedStatus[]): string[] {
  return toTable(ENDED_COLUMNS, sessions)
}
