/** `rws ctl`: shows and changes a running rws through its admin API. */
import type {
  Changes,
  ClosedTunnels,
  EndedSessions,
  ListenerStatus,
  PoolStatus,
  ProxyStatus,
  SessionPage,
} from "../lib/admin/api-types.js"
import { LOG_LEVELS } from "../lib/config/schema.js"
import { type AdminArguments, AdminClient } from "./admin-client.js"
import { followEvents } from "./ctl-events.js"
import {
  describeEnded,
  describeListeners,
  describePools,
  describeSessions,
  describeStatus,
} from "./ctl-tables.js"
import { RunError } from "./run-error.js"
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
  /** Resolves to the JSON, and to the lines that show it; undefined if it has printed them itself. */
  run(asked: Asked): Promise<readonly [json: unknown, lines: readonly string[]] | undefined>
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
      return [listeners, describeListeners(listeners)]
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
      return [page, [...describeSessions(page.sessions), ...more, ...missing(page)]]
    },
  },
  ended: {
    words: [],
    async run({ client }) {
      const json = await client.get<EndedSessions>("/api/ended")
      return [json, describeEnded(json.sessions)]
    },
  },
  events: {
    words: [],
    async run({ client, given }) {
      await followEvents(client, given.json === true)
      return undefined
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
  const outcome = await order.run({ client, words, given })
  if (outcome === undefined) return
  const [json, lines] = outcome
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
