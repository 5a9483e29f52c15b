/** The metrics, for Prometheus. */
import type { Metrics } from "../metrics/registry.js"
import type { AdminRoute } from "./route.js"

export type MetricsPage = Pick<Metrics, "contentType" | "text">

export function metricsRoute(metrics: MetricsPage): AdminRoute {
  return {
    method: "GET",
    path: "/metrics",
    handle: async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() }),
  }
}
