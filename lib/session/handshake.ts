/** Sends one backend the request head and checks its response. */
import { toSessionEnd } from "../close-reason.js"
import type { ResponseHead } from "../http/head.js"
import { exchange } from "../net/exchange.js"
import { noteSubprotocol } from "../ops/request-facts.js"
import { elapsedMs } from "../shared/clock.js"
import { checkUpgradeResponse } from "../upgrade/upgrade-response.js"
import type { HeadPlan } from "./compose-head.js"
import type { Connected } from "./connect.js"
import type { StageContext } from "./stage-context.js"
import { tellHead } from "./tell.js"

/**
 * Resolves to the backend's response: a 101 that matches the request, or any other final status. Rejects with
 * a `SessionEnd`. Either may count for or against the backend.
 */
export async function handshake(
  session: StageContext,
  { attempt, connection }: Connected,
  head: string,
  { request, offered }: HeadPlan,
): Promise<ResponseHead> {
  const { settings, summary } = session
  const { clock } = session.listener
  session.enter("handshake")
  const sentMs = clock.nowMs()
  try {
    const response = await exchange(connection, head, settings.handshake_timeout_ms, clock)
    tellHead(session, "response head received", response.text)
    if (response.status === 101) {
      checkUpgradeResponse(response, request.key, offered)
      noteSubprotocol(summary, response.fields)
    }
    summary.status = response.status
    attempt.responded(response.status)
    return response
  } catch (error) {
    const end = toSessionEnd(error, "internal_error")
    attempt.failed(end.reason)
    throw end
  } finally {
    summary.handshakeMs = elapsedMs(clock, sentMs)
  }
}
