/** A Grafana dashboard for the metrics of rws, as JSON that Grafana imports. */

/** A query of a panel. Variables such as `$listener` are Grafana's. */
export interface Query {
  readonly expr: string
  /** May contain labels, as in "{{listener}}". */
  readonly legend: string
}

export interface Panel {
  readonly title: string
  readonly description?: string
  readonly type: "stat" | "timeseries"
  /** As Grafana names it. */
  readonly unit: string
  /** Of the 24 columns of the dashboard. */
  readonly width: number
  readonly queries: readonly Query[]
}

const PROCESS = 'job=~"$job",instance=~"$instance"'
const LISTENER = `${PROCESS},listener=~"$listener"`
const POOL = `${PROCESS},pool=~"$pool"`
const RATE = "[$__rate_interval]"

function stat(title: string, unit: string, expr: string, description?: string): Panel {
  const queries = [{ expr, legend: "" }]
  return { title, type: "stat", unit, width: 4, queries, ...(description !== undefined && { description }) }
}

function graph(title: string, unit: string, ...queries: readonly (readonly [string, string])[]): Panel {
  return {
    title,
    type: "timeseries",
    unit,
    width: 8,
    queries: queries.map(([legend, expr]) => ({ expr, legend })),
  }
}

function quantile(part: number, duration: string): string {
  return `histogram_quantile(${part}, sum by (le) (rate(rws_${duration}_duration_seconds_bucket{${LISTENER}}${RATE})))`
}

function quantiles(title: string, duration: string): Panel {
  return graph(
    title,
    "s",
    ...([0.5, 0.95, 0.99] as const).map((part) => [`${part * 100} %`, quantile(part, duration)] as const),
  )
}

function perSecond(metric: string, labels: string, by: string): string {
  return `sum by (${by}) (rate(${metric}{${labels}}${RATE}))`
}

/** Rows of panels, by their title. */
export const ROWS: readonly { readonly title: string; readonly panels: readonly Panel[] }[] = [
  {
    title: "At a glance",
    panels: [
      stat("Ready", "none", `min(rws_ready{${PROCESS}})`, "0 while an rws process starts or drains."),
      stat("Tunnels", "short", `sum(rws_live_tunnels{${LISTENER}})`),
      stat("Sessions per second", "ops", `sum(rate(rws_sessions_total{${LISTENER}}${RATE}))`),
      stat("Bytes per second", "Bps", `sum(rate(rws_tunnel_bytes_total{${LISTENER}}${RATE}))`),
      stat("Refusals per second", "ops", `sum(rate(rws_refusals_total{${LISTENER}}${RATE}))`),
      stat("Backends down", "short", `count(rws_backend_up{${POOL}} == 0) or vector(0)`),
    ],
  },
  {
    title: "Clients",
    panels: [
      graph("Tunnels", "short", ["{{listener}}", `sum by (listener) (rws_live_tunnels{${LISTENER}})`]),
      graph("New sessions", "ops", ["{{listener}}", perSecond("rws_sessions_total", LISTENER, "listener")]),
      graph("New tunnels", "ops", ["{{listener}}", perSecond("rws_tunnels_total", LISTENER, "listener")]),
      graph("Bytes from clients and backends", "Bps", [
        "from {{from}}",
        perSecond("rws_tunnel_bytes_total", LISTENER, "from"),
      ]),
      graph("Refusals by status", "ops", ["{{status}}", perSecond("rws_refusals_total", LISTENER, "status")]),
      graph("Ends by reason", "ops", [
        "{{reason}}",
        `${perSecond("rws_session_ends_total", LISTENER, "reason")} > 0`,
      ]),
    ],
  },
  {
    title: "Durations",
    panels: [
      quantiles("Request head", "head"),
      quantiles("Dial", "dial"),
      quantiles("Handshake", "handshake"),
      quantiles("Tunnels, when they end", "tunnel"),
      graph("Pending sessions", "short", [
        "{{listener}}",
        `sum by (listener) (rws_pending_sessions{${LISTENER}})`,
      ]),
      graph(
        "Use of limits",
        "percentunit",
        [
          "connections of {{listener}}",
          `rws_live_sessions{${LISTENER}} / rws_live_sessions_limit{${LISTENER}}`,
        ],
        [
          "pending of {{listener}}",
          `rws_pending_sessions{${LISTENER}} / rws_pending_sessions_limit{${LISTENER}}`,
        ],
        [
          "all sessions, by open files",
          `rws_process_sessions{${PROCESS}} / rws_process_sessions_limit{${PROCESS}}`,
        ],
      ),
    ],
  },
  {
    title: "Backends",
    panels: [
      graph("Sessions", "short", [
        "{{pool}} {{backend}}",
        `sum by (pool, backend) (rws_backend_live_sessions{${POOL}})`,
      ]),
      graph("Dials", "ops", [
        "{{pool}} {{backend}}",
        perSecond("rws_backend_dials_total", POOL, "pool, backend"),
      ]),
      graph("Failures", "ops", [
        "{{pool}} {{backend}}",
        perSecond("rws_backend_failures_total", POOL, "pool, backend"),
      ]),
      graph("Up", "none", ["{{pool}} {{backend}}", `min by (pool, backend) (rws_backend_up{${POOL}})`]),
      graph(
        "Ejected or draining",
        "none",
        ["{{pool}} {{backend}} ejected", `max by (pool, backend) (rws_backend_ejected{${POOL}})`],
        ["{{pool}} {{backend}} draining", `max by (pool, backend) (rws_backend_draining{${POOL}})`],
      ),
      graph("New tunnels", "ops", [
        "{{pool}} {{backend}}",
        perSecond("rws_backend_tunnels_total", POOL, "pool, backend"),
      ]),
      graph("Tunnels by pool", "short", ["{{pool}}", `sum by (pool) (rws_backend_live_tunnels{${POOL}})`]),
      graph("Bytes by pool", "Bps", [
        "{{pool}} from {{from}}",
        perSecond("rws_backend_tunnel_bytes_total", POOL, "pool, from"),
      ]),
    ],
  },
  {
    title: "The process",
    panels: [
      graph(
        "Event-loop delay",
        "s",
        ["{{instance}} {{worker}} longest", `rws_event_loop_delay_max_seconds{${PROCESS}}`],
        ["{{instance}} {{worker}} 99 %", `rws_event_loop_delay_p99_seconds{${PROCESS}}`],
      ),
      graph("CPU", "percentunit", ["{{instance}}", `rate(process_cpu_seconds_total{${PROCESS}}${RATE})`]),
      graph(
        "Memory",
        "bytes",
        ["{{instance}} resident", `process_resident_memory_bytes{${PROCESS}}`],
        ["{{instance}} heap of the main thread", `nodejs_heap_size_used_bytes{${PROCESS}}`],
      ),
      graph("Open files", "short", ["{{instance}}", `process_open_fds{${PROCESS}}`]),
      graph(
        "Reloads",
        "short",
        ["{{instance}} done", `increase(rws_reloads_total{${PROCESS}}${RATE})`],
        ["{{instance}} refused", `increase(rws_reload_failures_total{${PROCESS}}${RATE})`],
        ["{{instance}} by the API", `increase(rws_api_changes_total{${PROCESS}}${RATE})`],
      ),
      graph(
        "Worker threads that died",
        "short",
        ["{{instance}} threads", `increase(rws_worker_deaths_total{${PROCESS}}${RATE})`],
        ["{{instance}} their sessions", `increase(rws_lost_sessions_total{${PROCESS}}${RATE})`],
      ),
    ],
  },
]

const COLUMNS = 24
const SOURCE = { type: "prometheus", uid: "$datasource" }
const HEIGHT = { row: 1, stat: 4, timeseries: 8 }

/** Drop-downs at the top of the dashboard, with the values of a label. */
const VARIABLES: Readonly<Record<string, string>> = {
  job: "label_values(rws_build_info, job)",
  instance: 'label_values(rws_build_info{job=~"$job"}, instance)',
  listener: `label_values(rws_sessions_total{${PROCESS}}, listener)`,
  pool: `label_values(rws_backend_up{${PROCESS}}, pool)`,
}

/** The dashboard in Grafana's JSON model. */
export function dashboard(): object {
  const panels: object[] = []
  let y = 0
  for (const row of ROWS) {
    panels.push({
      id: panels.length + 1,
      type: "row",
      title: row.title,
      gridPos: { x: 0, y, w: COLUMNS, h: HEIGHT.row },
    })
    y += HEIGHT.row
    let x = 0
    for (const panel of row.panels) {
      if (x + panel.width > COLUMNS) {
        x = 0
        y += HEIGHT[panel.type]
      }
      const gridPos = { x, y, w: panel.width, h: HEIGHT[panel.type] }
      panels.push(toGrafana(panel, panels.length + 1, gridPos))
      x += panel.width
    }
    y += HEIGHT[row.panels[0]?.type ?? "row"]
  }
  return {
    title: "rws",
    uid: "rws",
    tags: ["rws", "websocket"],
    schemaVersion: 38,
    editable: true,
    refresh: "30s",
    time: { from: "now-3h", to: "now" },
    templating: {
      list: [
        { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" },
        ...Object.entries(VARIABLES).map(([name, query]) => ({
          name,
          type: "query",
          datasource: SOURCE,
          query: { query, refId: name },
          refresh: 2,
          includeAll: true,
          allValue: ".*",
          multi: true,
          current: { text: "All", value: "$__all" },
        })),
      ],
    },
    panels,
  }
}

function toGrafana({ title, description, type, unit, queries }: Panel, id: number, gridPos: object): object {
  return {
    id,
    type,
    title,
    description,
    gridPos,
    datasource: SOURCE,
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options:
      type === "stat"
        ? { reduceOptions: { calcs: ["lastNotNull"] }, graphMode: "area" }
        : { tooltip: { mode: "multi", sort: "desc" }, legend: { showLegend: true, placement: "bottom" } },
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + index),
      datasource: SOURCE,
      expr,
      legendFormat: legend || "__auto",
    })),
  }
}
