/** Everything that the admin server serves. */
import { apiRoutes } from "./api.js"
import { healthRoutes } from "./health-routes.js"
import type { History } from "./history.js"
import { type MetricsPage, metricsRoute } from "./metrics-route.js"
import { pageRoute } from "./page/page-route.js"
import type { AdminRoute } from "./route.js"
import type { AdminSource } from "./source.js"

export interface Served {
  readonly source: AdminSource
  readonly history: History
  readonly metrics: MetricsPage
  /** Whether clients may be sent here. */
  isReady(): boolean
}

export function adminRoutes({ source, history, metrics, isReady }: Served): readonly AdminRoute[] {
  return [pageRoute(), ...healthRoutes(isReady), metricsRoute(metrics), ...apiRoutes(source, history)]
}
