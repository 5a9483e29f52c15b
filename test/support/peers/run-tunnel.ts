/** A tunnel without a session around it. */
import { type SessionEnd, toSessionEnd } from "../../../lib/close-reason.js"
import type { Connection } from "../../../lib/net/connection.js"
import type { Sweep } from "../../../lib/net/sweep.js"
import { Tunnel, type TunnelSettings } from "../../../lib/session/tunnel.js"
import { systemClock } from "../../../lib/shared/clock.js"

export interface TunnelOptions extends TunnelSettings {
  readonly sweep: Sweep
}

/** Resolves, once both sockets are gone, to what ended the tunnel. */
export function runTunnel(
  client: Connection,
  backend: Connection,
  { sweep, ...settings }: TunnelOptions,
): Promise<SessionEnd> {
  client.onAbort = (error) => backend.close(toSessionEnd(error, "client_reset"))
  return new Promise((end) => {
    new Tunnel(client, backend, settings, { sweep, clock: systemClock }, { end }).start()
  })
}
