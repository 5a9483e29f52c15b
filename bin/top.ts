/** `rws top`: what a running rws does, refreshed in place on a terminal, else as one line per refresh. */
import type { PoolStatus, ProxyStatus, SessionPage, Totals } from "../lib/admin/api-types.js"
import { formatBytes, formatDuration } from "../lib/ops/figures.js"
import { type AdminArguments, AdminClient } from "./admin-client.js"
import { describePools, describeSessions } from "./ctl-tables.js"
import { UsageError } from "./usage-error.js"

const MIN_INTERVAL_MS = 200
/** rws adds up the bytes every 2 seconds. Over less they would seem to come in bursts. */
const BYTES_WINDOW_MS = 4000
const DEFAULT_ROWS = 24
/** The longest page that the API has. */
const MAX_SESSIONS = 1000

interface Sample {
  readonly atMs: number
  readonly status: ProxyStatus
}

/** Per second. */
interface Rates {
  readonly sessions: number
  readonly refusals: number
  readonly fromClient: number
  readonly fromBackend: number
}

/** Refreshes until it is interrupted, or `--count` times. */
export async function top(given: AdminArguments): Promise<void> {
  const intervalMs = Number(given["interval-ms"])
  const count = Number(given.count)
  if (!(intervalMs >= MIN_INTERVAL_MS))
    throw new UsageError(`--interval-ms: expected at least ${MIN_INTERVAL_MS}`)
  if (!Number.isInteger(count) || count < 0) throw new UsageError("--count: expected a whole number")
  const client = await AdminClient.find(given)
  const { stdout } = process
  const samples: Sample[] = []
  for (let refresh = 1; ; refresh++) {
    const status = await client.get<ProxyStatus>("/api/status")
    const now = { atMs: performance.now(), status }
    while (samples.length > 1 && now.atMs - (samples[1]?.atMs ?? 0) >= BYTES_WINDOW_MS) samples.shift()
    const rates = ratesOf(samples, now)
    if (stdout.isTTY) stdout.write(screen(await linesOf(client, rates, status, stdout.rows), stdout.columns))
    else if (samples.length > 0 || count > 0) console.log(plainLine(rates, status))
    samples.push(now)
    if (refresh === count) return
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}

/** Overwrites the lines that are there, without a flicker, and clears what is left of them. */
export function screen(lines: readonly string[], columns = 80): string {
  return `\x1b[H${lines.map((line) => `${line.slice(0, columns)}\x1b[K`).join("\n")}\x1b[J`
}

async function linesOf(
  client: AdminClient,
  rates: Rates,
  status: ProxyStatus,
  rows = DEFAULT_ROWS,
): Promise<string[]> {
  const pools = describePools(await client.get<readonly PoolStatus[]>("/api/pools"))
  const head = [...headLines(rates, status), "", ...pools, ""]
  // One for the titles, and one so that the terminal does not scroll.
  const limit = Math.min(Math.max(rows - head.length - 2, 1), MAX_SESSIONS)
  const page = await client.get<SessionPage>(`/api/sessions?sort=-rateFromBackend&limit=${limit}`)
  return [...head, ...describeSessions(page.sessions)].slice(0, Math.max(rows - 1, 1))
}

function headLines(rates: Rates, { version, uptimeS, draining, totals }: ProxyStatus): string[] {
  return [
    `rws ${version}, up for ${formatDuration(uptimeS * 1000)}${draining ? ", draining" : ""}`,
    `tunnels ${totals.liveTunnels}   sessions ${totals.live}   new ${rates.sessions}/s   refused ${rates.refusals}/s`,
    `from clients ${formatBytes(rates.fromClient)}/s   from backends ${formatBytes(rates.fromBackend)}/s`,
  ]
}

function plainLine(rates: Rates, { totals }: ProxyStatus): string {
  const figures = {
    tunnels: totals.liveTunnels,
    sessions: totals.live,
    "new/s": rates.sessions,
    "refused/s": rates.refusals,
    "from_clients/s": rates.fromClient,
    "from_backends/s": rates.fromBackend,
  }
  const text = Object.entries(figures).map(([name, value]) => `${name}=${value}`)
  return [new Date().toISOString(), ...text].join(" ")
}

/**
 * Per second since the last refresh, but bytes since the first sample; without samples, since the start of
 * rws.
 */
function ratesOf(samples: readonly Sample[], { atMs, status }: Sample): Rates {
  const rate = (before: Sample | undefined, count: (totals: Totals) => number) => {
    const seconds = before === undefined ? Math.max(status.uptimeS, 1) : (atMs - before.atMs) / 1000
    const then = before === undefined ? 0 : count(before.status.totals)
    return Math.max(0, Math.round((count(status.totals) - then) / seconds))
  }
  const [first, last] = [samples[0], samples.at(-1)]
  return {
    sessions: rate(last, ({ sessions }) => sessions),
    refusals: rate(last, ({ refusals }) => Object.values(refusals).reduce((sum, count) => sum + count, 0)),
    fromClient: rate(first, ({ bytesFromClient }) => bytesFromClient),
    fromBackend: rate(first, ({ bytesFromBackend }) => bytesFromBackend),
  }
}
