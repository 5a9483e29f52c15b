/** Health of rws itself, as Kubernetes and load balancers ask for it. */
import type { AdminResponse, AdminRoute } from "./route.js"

/**
 * `/livez`: the main thread responds at all. `/readyz`: clients may be sent here. Neither needs the token,
 * since probes seldom have one, and they tell nothing else.
 */
export function healthRoutes(isReady: () => boolean): AdminRoute[] {
  return [
    { method: "GET", path: "/livez", isPublic: true, isProbe: true, handle: () => text(200, "ok") },
    {
      method: "GET",
      path: "/readyz",
      isPublic: true,
      isProbe: true,
      handle: () => (isReady() ? text(200, "ok") : text(503, "not ready")),
    },
  ]
}

function text(status: number, body: string): AdminResponse {
  return { status, type: "text/plain; charset=utf-8", body: `${body}\n` }
}
