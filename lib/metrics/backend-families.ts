/** The metrics of backends. */
import type { Backend } from "../pool/backend.js"
import { isEjected, isUp } from "../pool/health.js"
import { type Family, limitFamilies } from "./family.js"
import type { MetricsSource } from "./source.js"

const LABELS = ["pool", "backend"]

function backendsOf(source: MetricsSource) {
  return source
    .pools()
    .flatMap(({ name, backends }) =>
      backends.map((backend) => ({ labels: { pool: name, backend: backend.name }, backend })),
    )
}

/** One sample for each backend. */
function family(
  name: string,
  type: "counter" | "gauge",
  help: string,
  read: (backend: Backend) => number,
): Family {
  return {
    name,
    type,
    help,
    labelNames: LABELS,
    read: (source) => backendsOf(source).map(({ labels, backend }) => ({ labels, value: read(backend) })),
  }
}

export const BACKEND_FAMILIES: readonly Family[] = [
  family(
    "rws_backend_up",
    "gauge",
    "1 unless the backend is ejected or has failed its health checks.",
    ({ cells }) => (isUp(cells) ? 1 : 0),
  ),
  family(
    "rws_backend_ejected",
    "gauge",
    "1 while the backend is ejected because of failed attempts.",
    ({ cells }) => (isEjected(cells) ? 1 : 0),
  ),
  family("rws_backend_draining", "gauge", "1 while the backend gets no new sessions.", ({ isDraining }) =>
    isDraining ? 1 : 0,
  ),
  family("rws_backend_weight", "gauge", "Weight of the backend in its pool.", ({ weight }) => weight),
  ...limitFamilies(
    "rws_backend_live_sessions",
    "Sessions that are dialling the backend or connected to it, including tunnels.",
    LABELS,
    (source) =>
      backendsOf(source).map(({ labels, backend: { active, maxConnections } }) => ({
        labels,
        limit: { taken: active, max: maxConnections },
      })),
  ),
  family(
    "rws_backend_dials_total",
    "counter",
    "Sessions that have dialled the backend.",
    ({ dials }) => dials,
  ),
  family(
    "rws_backend_failures_total",
    "counter",
    "Sessions whose dial or handshake failed because of the backend.",
    ({ failures }) => failures,
  ),
  family(
    "rws_backend_live_tunnels",
    "gauge",
    "Tunnels currently open to the backend.",
    (backend) => backend.liveTunnels,
  ),
  family("rws_backend_tunnels_total", "counter", "Tunnels opened to the backend.", ({ tunnels }) => tunnels),
  {
    name: "rws_backend_tunnel_bytes_total",
    type: "counter",
    help: "Bytes of tunnels to the backend by the side that sent them, updated about every 2 seconds.",
    labelNames: [...LABELS, "from"],
    read: (source) =>
      backendsOf(source).flatMap(({ labels, backend }) => [
        { labels: { ...labels, from: "client" }, value: backend.bytesFromClient },
        { labels: { ...labels, from: "backend" }, value: backend.bytesFromBackend },
      ]),
  },
]
