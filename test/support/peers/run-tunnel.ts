/** A tunnel without a session around it. */
import { type SessionEnd, toSessionEnd } from "../../../lib/close-reason.js"
import type { SessionKeys } from "../../../lib/config/listener-schema.js"
import { toSettings } from "../../../lib/config/load.js"
import type { Connection } from "../../../lib/net/connection.js"
import type { Sweep } from "../../../lib/net/sweep.js"
import { Tunnel } from "../../../lib/session/tunnel.js"
import { type Clock, systemClock } from "../../../lib/shared/clock.js"

export interface TunnelOptions extends Partial<SessionKeys> {
  readonly sweep: Sweep
  readonly clock?: Clock
}

const OFF = { idle_timeout_ms: 0, half_close_timeout_ms: 0, keepalive_ms: 0 }

/**
 * Resolves, once both sockets are gone, to what ended the tunnel. Timeouts and keepalive are off unless they
 * are given.
 */
export function runTunnel(
  client: Connection,
  backend: Connection,
  { sweep, clock = systemClock, ...options }: TunnelOptions,
): Promise<SessionEnd> {
  const [parsed] = toSettings({
    ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:1"], ...OFF }],
  }).ws_proxy
  if (parsed === undefined) throw new Error("no listener")
  client.onAbort = (error) => backend.close(toSessionEnd(error, "client_reset"))
  return new Promise((finish) => {
    new Tunnel(client, backend, { ...parsed, ...options }, { sweep, clock }, { finish }).start()
  })
}
