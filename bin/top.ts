/** `rws top`: what a running rws does, refreshed in place on a terminal, else as one line per refresh. */
import type { PoolStatus, ProxyStatus, SessionPage } from "../lib/admin/source.js"
import { type AdminArguments, AdminClient } from "./admin-client.js"
import { describePools, describeSessions } from "./ctl.js"
import { formatBytes, formatDuration } from "./text-table.js"
import { UsageError } from "./usage-error.js"

const MIN_INTERVAL_MS = 200
const DEFAULT_ROWS = 24
/** The longest page that the API has. */
const MAX_SESSIONS = 1000

interface Sample {
  readonly atMs: number
  readonly status: ProxyStatus
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
  let before: Sample | undefined
  for (let refresh = 1; ; refresh++) {
    const status = await client.get<ProxyStatus>("/api/status")
    const now = { atMs: performance.now(), status }
    if (stdout.isTTY) stdout.write(screen(await linesOf(client, before, now, stdout.rows), stdout.columns))
    else if (before !== undefined || count > 0) console.log(plainLine(before, now))
    before = now
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
  before: Sample | undefined,
  now: Sample,
  rows = DEFAULT_ROWS,
): Promise<string[]> {
  const pools = describePools(await client.get<readonly PoolStatus[]>("/api/pools"))
  const head = [...headLines(before, now), "", ...pools, ""]
  // One for the titles, and one so that the terminal does not scroll.
  const limit = Math.min(Math.max(rows - head.length - 2, 1), MAX_SESSIONS)
  const page = await client.get<SessionPage>(`/api/sessions?sort=-rateFromBackend&limit=${limit}`)
  return [...head, ...describeSessions(page.sessions)].slice(0, Math.max(rows - 1, 1))
}

function headLines(before: Sample | undefined, now: Sample): string[] {
  const { version, uptimeS, draining, totals } = now.status
  const rates = ratesOf(before, now)
  return [
    `rws ${version}, up for ${formatDuration(uptimeS * 1000)}${draining ? ", draining" : ""}`,
    `tunnels ${totals.liveTunnels}   sessions ${totals.live}   new ${rates.sessions}/s   refused ${rates.refusals}/s`,
    `from clients ${formatBytes(rates.fromClient)}/s   from backends ${formatBytes(rates.fromBackend)}/s`,
  ]
}

function plainLine(before: Sample | undefined, now: Sample): string {
  const { totals } = now.status
  const rates = ratesOf(before, now)
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

/** Per second since the last refresh; at first, since the start of rws. */
function ratesOf(before: Sample | undefined, { atMs, status }: Sample) {
  const { totals } = status
  const seconds = before === undefined ? Math.max(status.uptimeS, 1) : (atMs - before.atMs) / 1000
  const earlier = before?.status.totals
  const rate = (now: number, then = 0) => Math.max(0, Math.round((now - then) / seconds))
  const refused = ({ refusals }: ProxyStatus["totals"]) =>
    Object.values(refusals).reduce((sum, n) => sum + n, 0)
  return {
    sessions: rate(totals.sessions, earlier?.sessions),
    refusals: rate(refused(totals), earlier && refused(earlier)),
    fromClient: rate(totals.bytesFromClient, earlier?.bytesFromClient),
    fromBackend: rate(totals.bytesFromBackend, earlier?.bytesFromBackend),
  }
}
