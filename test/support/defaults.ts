/** The defaults of a listener, as section 4 of the design has them. */
export const DEFAULTS = {
  connect_timeout_ms: 5000,
  read_timeout_ms: 30_000,
  handshake_timeout_ms: 10_000,
  idle_timeout_ms: 0,
  half_close_timeout_ms: 30_000,
  drain_timeout_ms: 30_000,
  max_head_bytes: 8192,
  max_connections: 0,
  keepalive_ms: 60_000,
  host_header: "backend",
}
