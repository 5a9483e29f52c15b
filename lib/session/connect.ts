/**
 * Connects to a backend: dials the pool's candidates in order until one accepts. Failover happens here, only
 * here.
 */
import { toClientAddress } from "../address/client-address.js"
import { CLOSE_REASONS, SessionEnd, toSessionEnd } from "../close-reason.js"
import { writeProxyHeader } from "../forwarding/proxy-protocol.js"
import type { Connection } from "../net/connection.js"
import { dial } from "../net/dial-from.js"
import { Attempt } from "../pool/attempt.js"
import type { Backend } from "../pool/backend.js"
import type { Pool } from "../pool/pool.js"
import { elapsedMs } from "../shared/clock.js"
import type { Admission } from "./admission.js"
import type { IncomingRequest } from "./read-request.js"
import type { StageContext } from "./stage-context.js"
import { tell } from "./tell.js"

/** A backend that has been dialled, with a place held there for the session. */
export interface Connected {
  readonly attempt: Attempt
  readonly backend: Backend
  readonly connection: Connection
}

/**
 * Until the first byte of the head has been written nothing was asked of a backend, so a failed dial, and
 * nothing later, may move on to the next one. Rejects with the last dial's `SessionEnd`, or with
 * `no_backend`.
 */
export async function connect(
  session: StageContext,
  { incoming, running, backend: only }: Admission,
): Promise<Connected> {
  const { listener, settings, summary } = session
  const { clock, observer } = listener
  const { pool } = running
  const proxyHeader = proxyHeaderFor(pool, incoming, session.client)
  let failed: SessionEnd | undefined
  const startedMs = clock.nowMs()
  try {
    const attemptMs = settings.connect_timeout_ms + settings.handshake_timeout_ms
    for (const backend of pool.reserve(incoming.request, incoming.client.ip, attemptMs, only)) {
      session.hold(backend)
      // The last failure is not told here: it ends the session.
      if (failed !== undefined) observer.dialFailed(settings.name, summary.backend ?? "", failed)
      summary.backend = backend.name
      let attempt: Attempt | undefined
      try {
        session.enter("dial")
        attempt = new Attempt(pool, backend)
        tell(session, "dialling", backend.address)
        const dialling = dial(
          backend.address,
          running.from,
          {
            connectTimeoutMs: settings.connect_timeout_ms,
            proxyHeader,
            tls: running.tlsFor(backend),
            permits: running.permits,
          },
          clock,
        )
        session.upstream = dialling
        const connection = await dialling.connected
        session.upstream = connection
        attempt.dialled()
        return { attempt, backend, connection }
      } catch (error) {
        failed = toSessionEnd(error, "internal_error")
        session.release(backend)
        attempt?.failed(failed.reason)
        if (!CLOSE_REASONS[failed.reason].retry) throw failed
      }
    }
  } finally {
    summary.dialMs = elapsedMs(clock, startedMs)
  }
  throw failed ?? new SessionEnd("no_backend")
}

/** The PROXY header that the backend gets before anything else, if its pool sends one. */
function proxyHeaderFor(
  { settings }: Pool,
  { client, destination }: IncomingRequest,
  { socket }: Connection,
): Buffer | undefined {
  const version = settings.send_proxy_protocol
  if (version === undefined) return undefined
  return writeProxyHeader(
    version,
    client,
    destination ?? toClientAddress(socket.localAddress, socket.localPort),
  )
}
