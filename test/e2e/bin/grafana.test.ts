/** The Grafana dashboard uses only metrics that exist, and a real Prometheus answers all of its queries. */
import { spawnSync } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t from "tap"
import { dashboard, ROWS } from "../../../bin/dashboard.js"
import { createProxy } from "../../../lib/index.js"
import { FAMILIES } from "../../../lib/metrics/registry.js"
import { scrape } from "../../support/metrics/scrape.js"
import { deadAddress, startEchoBackend } from "../../support/peers/backend.js"
import { attempt, openAll } from "../../support/peers/counted-client.js"
import { RawPeer } from "../../support/peers/raw-peer.js"
import { Program, runRws, temporaryFolder } from "../../support/program/program.js"

const queries = ROWS.flatMap(({ panels }) =>
  panels.flatMap(({ title, queries }) => queries.map(({ expr }) => ({ title, expr }))),
)

/** Names in an expression that can only be metrics. */
function metricsIn(expr: string): string[] {
  return [...expr.matchAll(/\b((?:rws|process|nodejs)_[a-z0-9_]+)\b/g)].map(([, name = ""]) => name)
}

t.test("rws grafana prints the dashboard as JSON", async (t) => {
  const { code, stdout, stderr } = await runRws(t, ["grafana"])
  t.equal(stderr, "")
  t.equal(code, 0)
  t.same(JSON.parse(stdout), JSON.parse(JSON.stringify(dashboard())))
})

t.test("panels have ids of their own and do not overlap", async (t) => {
  const { panels } = JSON.parse(JSON.stringify(dashboard())) as {
    panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[]
  }
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
    t.ok(x + w <= 24)
    return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`)
  })
  t.equal(new Set(cells).size, cells.length)
})

t.test("every metric of rws is in the dashboard or is a detail of one that is", async (t) => {
  const shown = new Set(queries.flatMap(({ expr }) => metricsIn(expr)))
  const details = ["rws_build_info", "rws_event_loop_delay_mean_seconds", "rws_accept_failures_total"]
  const more = ["rws_lingering_connections", "rws_lingering_connections_limit"]
  const pools = ["rws_backend_live_sessions_limit", "rws_backend_weight"]
  for (const { name, type } of FAMILIES) {
    if ([...details, ...more, ...pools].includes(name)) continue
    t.ok(shown.has(type === "histogram" ? `${name}_bucket` : name), name)
  }
})

t.test("the dashboard uses only metrics that exist, and Prometheus answers its queries", async (t) => {
  const echo = await startEchoBackend(t)
  const proxy = await createProxy({
    admin: { bind: "127.0.0.1:0" },
    ws_proxy: [
      { name: "chat", bind: "127.0.0.1:0", backends: [echo.address], max_connections: 50, max_pending: 50 },
    ],
  })
  t.teardown(() => proxy.close(0))
  const { names } = await scrape(proxy.adminAddress())
  for (const { title, expr } of queries) {
    const metrics = metricsIn(expr)
    t.ok(metrics.length > 0, `${title}: ${expr}`)
    for (const name of metrics) t.ok(names.has(name), `${title}: ${name}`)
  }

  await t.test("a real Prometheus", { skip: noPrometheus() }, async (t) => {
    const cwd = await temporaryFolder(t)
    const address = await deadAddress()
    const scraped = [`  - job_name: rws`, `    static_configs: [{ targets: ["${proxy.adminAddress()}"] }]`]
    const config = ["global: { scrape_interval: 1s }", "scrape_configs:", ...scraped, ""].join("\n")
    await writeFile(join(cwd, "prometheus.yml"), config)
    const prometheus = Program.start(
      t,
      "prometheus",
      [`--web.listen-address=${address}`, "--storage.tsdb.path=data", "--config.file=prometheus.yml"],
      { cwd },
    )
    await prometheus.untilOutput(/Server is ready to receive web requests/)
    const query = async (expr: string) => {
      const answer = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(expr)}`)
      return (await answer.json()) as { status: string; error?: string; data?: { result: unknown[] } }
    }
    for (let scrapes = 0; scrapes < 3; ) {
      for (const tunnel of await openAll(() => attempt(proxy.address()), 2)) await tunnel.close()
      const refused = await RawPeer.connect(proxy.address())
      refused.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      await refused.untilEnd()
      refused.socket.destroy()
      const { data } = await query("count_over_time(rws_ready[1m])")
      const [, value] = (data?.result[0] as { value?: [number, string] } | undefined)?.value ?? []
      scrapes = Number(value ?? 0)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    for (const { title, expr } of queries) {
      const plain = expr
        .replaceAll("$__rate_interval", "1m")
        .replaceAll(/\$(job|instance|listener|pool)\b/g, ".*")
      const { status, error, data } = await query(plain)
      t.equal(status, "success", `${title}: ${error}`)
      t.ok((data?.result.length ?? 0) > 0, `${title} shows something: ${plain}`)
    }
  })
})

function noPrometheus(): string | false {
  const isThere = spawnSync("prometheus", ["--version"]).status === 0
  if (!isThere && process.env.CI) throw new Error("prometheus is not installed")
  return isThere ? false : "prometheus is not installed (Debian: prometheus)"
}
