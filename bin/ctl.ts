/** `rws ctl`: shows and changes a running rws through its admin API. */
import type {
  BackendStatus,
  Changes,
  ClosedTunnels,
  EndedSessions,
  EndedStatus,
  ListenerStatus,
  PoolStatus,
  ProxyStatus,
  SessionPage,
  SessionStatus,
} from "../lib/admin/api-types.js"
import { LOG_LEVELS } from "../lib/config/schema.js"
import { formatBytes, formatDuration } from "../lib/ops/figures.js"
import { type AdminArguments, AdminClient } from "./admin-client.js"
import { RunError } from "./run-error.js"
import { type Column, toTable } from "./text-table.js"
import { UsageError } from "./usage-error.js"

/** What an order needs: the client, its words, and the options. */
interface Asked {
  readonly client: AdminClient
  readonly words: readonly string[]
  readonly given: AdminArguments
}

interface Order {
  /** Names of its arguments. */
  readonly words: readonly string[]
  /** Resolves to the JSON, and to the lines that show it. */
  run(asked: Asked): Promise<readonly [json: unknown, lines: readonly string[]]>
}

const ORDERS: Readonly<Record<string, Order>> = {
  status: {
    words: [],
    async run({ client }) {
      const status = await client.get<ProxyStatus>("/api/status")
      return [status, describeStatus(status)]
    },
  },
  listeners: {
    words: [],
    async run({ client }) {
      const listeners = await client.get<readonly ListenerStatus[]>("/api/listeners")
      return [listeners, toTable(LISTENER_COLUMNS, listeners)]
    },
  },
  pools: {
    words: [],
    async run({ client }) {
      const pools = await client.get<readonly PoolStatus[]>("/api/pools")
      return [pools, describePools(pools)]
    },
  },
  sessions: {
    words: [],
    async run({ client, given }) {
      const page = await client.get<SessionPage>(`/api/sessions?${sessionQuery(given)}`)
      const left = page.total - page.sessions.length
      const more = left > 0 ? [`${left} more of ${page.total}; see --limit, --offset and the filters`] : []
      return [page, [...toTable(SESSION_COLUMNS, page.sessions), ...more, ...missing(page)]]
    },
  },
  ended: {
    words: [],
    async run({ client }) {
      const json = await client.get<EndedSessions>("/api/ended")
      return [json, toTable(ENDED_COLUMNS, json.sessions)]
    },
  },
  close: {
    words: [],
    async run({ client, words: [id], given }) {
      if (id !== undefined) {
        const json = await client.post(`/api/sessions/${encodeURIComponent(id)}/close`)
        return [json, [`session ${id} is closed`]]
      }
      if (typeof given.backend !== "string") throw new UsageError("expected rws ctl close ID, or --backend")
      const json = await client.post<ClosedTunnels>(`${await pathOf(client, given.backend, given)}/close`)
      const tunnels = json.closed === 1 ? "tunnel" : "tunnels"
      return [
        json,
        [
          `closing ${json.closed} ${tunnels} of ${given.backend}`,
          ...missing(json, "closes its own once it can"),
        ],
      ]
    },
  },
  drain: changeOf("drain"),
  undrain: changeOf("undrain"),
  remove: changeOf("remove"),
  add: {
    words: ["BACKEND"],
    async run({ client, words: [address = ""], given }) {
      const pool = typeof given.pool === "string" ? given.pool : await onlyPool(client)
      const weight = given.weight === undefined ? {} : { weight: toWeight(String(given.weight)) }
      const body = { address, ...weight }
      return changed(await client.post<Changes>(`/api/pools/${encodeURIComponent(pool)}/backends`, body))
    },
  },
  weight: {
    words: ["BACKEND", "WEIGHT"],
    async run({ client, words: [backend = "", weight = ""], given }) {
      const body = { weight: toWeight(weight) }
      return changed(await client.post<Changes>(`${await pathOf(client, backend, given)}/weight`, body))
    },
  },
  reload: {
    words: [],
    async run({ client }) {
      return changed(await client.post<Changes>("/api/reload"))
    },
  },
  "log-level": {
    words: ["LEVEL"],
    async run({ client, words: [level = ""] }) {
      if (!LOG_LEVELS.some((known) => known === level)) {
        throw new UsageError(`"${level}" is not a log level: expected one of ${LOG_LEVELS.join(", ")}`)
      }
      return [await client.post("/api/log-level", { level }), [`log.level is ${level} until the next reload`]]
    },
  },
}

export async function ctl(given: AdminArguments): Promise<void> {
  const name = String(given.order)
  const order = Object.hasOwn(ORDERS, name) ? ORDERS[name] : undefined
  if (order === undefined)
    throw new UsageError(`rws ctl ${name}: expected one of ${Object.keys(ORDERS).join(", ")}`)
  const words = [given.arguments ?? []].flat().map(String)
  const most = name === "close" ? 1 : order.words.length
  if (words.length < order.words.length)
    throw new UsageError(`expected rws ctl ${[name, ...order.words].join(" ")}`)
  if (words.length > most) throw new UsageError(`"${words[most]}" is one argument too many`)
  const client = await AdminClient.find(given)
  const [json, lines] = await order.run({ client, words, given })
  console.log(given.json === true ? JSON.stringify(json, undefined, 2) : lines.join("\n"))
}

function changeOf(kind: string): Order {
  return {
    words: ["BACKEND"],
    async run({ client, words: [backend = ""], given }) {
      return changed(await client.post<Changes>(`${await pathOf(client, backend, given)}/${kind}`))
    },
  }
}

/** Says that a worker thread has not taken part. */
function missing({ incomplete }: { readonly incomplete?: true | undefined }, more = ""): readonly string[] {
  return incomplete
    ? [`incomplete: a worker thread does not respond${more === "" ? "" : `; it ${more}`}`]
    : []
}

function changed(json: Changes): readonly [Changes, readonly string[]] {
  return [json, json.changes.length === 0 ? ["nothing has changed"] : json.changes]
}

/** The path of a backend. Its pool need not be named if only one has it. */
async function pathOf(client: AdminClient, backend: string, given: AdminArguments): Promise<string> {
  const pools = await client.get<readonly PoolStatus[]>("/api/pools")
  const having = pools.filter(({ backends }) => backends.some(({ name }) => name === backend))
  const named = typeof given.pool === "string" ? having.filter(({ name }) => name === given.pool) : having
  const [pool, other] = named
  if (pool === undefined) {
    const where = typeof given.pool === "string" ? ` in the pool ${given.pool}` : ""
    throw new RunError(`no backend ${backend}${where}; see rws ctl pools`)
  }
  if (other !== undefined) {
    throw new UsageError(
      `${backend} is in several pools: add --pool ${named.map(({ name }) => name).join(" or ")}`,
    )
  }
  return `/api/pools/${encodeURIComponent(pool.name)}/backends/${encodeURIComponent(backend)}`
}

async function onlyPool(client: AdminClient): Promise<string> {
  const [pool, other] = await client.get<readonly PoolStatus[]>("/api/pools")
  if (pool === undefined || other !== undefined) throw new UsageError("there are several pools: add --pool")
  return pool.name
}

function toWeight(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new UsageError(`"${text}" is not a weight: expected a whole number`)
  return Number(text)
}

const FILTERS = ["listener", "pool", "backend", "client", "stage", "sort", "limit", "offset"] as const

function sessionQuery(given: AdminArguments): URLSearchParams {
  return new URLSearchParams(
    FILTERS.flatMap((name) => (given[name] === undefined ? [] : [[name, String(given[name])]])),
  )
}

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
