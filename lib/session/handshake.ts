/** Sends one backend the request head and checks its response. */
import type { Connection } from "../net/connection.js"
import { type BackendResponse, exchange } from "../net/exchange.js"
import { checkUpgradeResponse } from "../upgrade/upgrade-response.js"
import type { HeadPlan } from "./compose-head.js"
import type { StageContext } from "./stage-context.js"

/**
 * Resolves to the backend's response: a 101 that matches the request, or any other final status. Rejects with
 * a `SessionEnd`.
 */
export async function handshake(
  session: StageContext,
  backend: Connection,
  head: string,
  { request, offered }: HeadPlan,
): Promise<BackendResponse> {
  const { settings, summary } = session
  const { clock } = session.listener
  session.enter("handshake", "client_aborted_in_handshake")
  const sentMs = clock.nowMs()
  try {
    const response = await exchange(backend, head, settings.handshake_timeout_ms, clock)
    if (response.head.status === 101) checkUpgradeResponse(response.head, request.key, offered)
    summary.status = response.head.status
    return response
  } finally {
    summary.handshakeMs = clock.nowMs() - sentMs
  }
}
