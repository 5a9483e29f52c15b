/**
 * Load balancers that can only ask the traffic port: a plain GET at `status_path` is answered by rws itself.
 */
import { SessionEnd } from "../close-reason.js"
import type { RequestHead } from "../http/head.js"
import { writeStatus } from "../http/refusal.js"
import type { StageContext } from "./stage-context.js"

/** An upgrade at the same path is a session like any other. */
export function isStatusRequest({ method, target, fields }: RequestHead, path: string | undefined): boolean {
  if (path === undefined || (method !== "GET" && method !== "HEAD")) return false
  if (target !== path && !target.startsWith(`${path}?`)) return false
  return !fields.some(({ name }) => name === "upgrade")
}

/** Responds with 200, or with 503 while the listener is about to stop. Returns the session's end. */
export function answerStatus({ client, listener, summary }: StageContext, method: string): SessionEnd {
  const status = listener.isDraining ? 503 : 200
  summary.status = status
  client.socket.write(writeStatus(status, method !== "HEAD", new Date()), "latin1")
  return new SessionEnd("status_request")
}
