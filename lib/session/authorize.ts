/**
 * Asks the route's checks whether the client may connect, one after the other, and then its locator where the
 * request leads. A route without them costs nothing here.
 */
import type { Asking, Grant, TunnelLimits } from "../access/check.js"
import { SessionEnd } from "../close-reason.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { Destination } from "../registry/locator.js"
import { editFields } from "../upgrade/edit-fields.js"
import { removeQuery } from "../upgrade/remove-query.js"
import type { Admission } from "./admission.js"
import { type Located, refuseEscape } from "./locate.js"
import type { IncomingRequest } from "./read-request.js"
import type { StageContext, Upstream } from "./stage-context.js"
import { tell } from "./tell.js"

/** Returns a promise only if a check or the locator has to wait. Throws or rejects with a `SessionEnd`. */
export function authorize(
  session: StageContext,
  incoming: IncomingRequest,
  { target, path }: Located,
): Admission | Promise<Admission> {
  const { running, checks, locator } = target
  if (checks.length > 0 || locator !== undefined) return ask(session, incoming, { target, path })
  if (running === undefined) throw new SessionEnd("internal_error", "the route leads nowhere")
  refuseEscape(path, running.pool)
  return { incoming, target, running, backend: undefined, path, edits: NO_EDITS, limits: undefined }
}

const NO_EDITS: readonly FieldEdit[] = []

async function ask(
  session: StageContext,
  incoming: IncomingRequest,
  { target, path: located }: Located,
): Promise<Admission> {
  session.enter("authorize")
  const { summary } = session
  const question = new Question(session.settings.name, target.title)
  session.upstream = question
  let asked = incoming
  let pooled = incoming
  let path = located
  let edits = NO_EDITS
  let limits: TunnelLimits | undefined
  for (const check of target.checks) {
    // Awaited only if there is something to wait for: a decision from a cache costs no turn.
    const decision = question.settle(check.check(asked, question))
    const grant = decision instanceof Promise ? await decision : decision
    asked = afterGrant(asked, grant)
    pooled = afterGrant(pooled, forPool(grant))
    if (grant.removedQuery !== undefined) path = removeQuery(path, grant.removedQuery)
    edits = grant.edits === undefined ? edits : [...edits, ...grant.edits]
    limits = mergeLimits(limits, grant.limits)
  }
  let { running } = target
  let backend: string | undefined
  if (target.locator !== undefined) {
    tell(session, "authorized")
    const decision = question.settle(target.locator.locate(asked, path, question), giveBack)
    const destination = decision instanceof Promise ? await decision : decision
    if (destination.place !== undefined) session.hold(destination.place)
    if (destination.endpoint !== undefined) summary.endpoint = destination.endpoint
    if (destination.edits !== undefined) edits = [...edits, ...destination.edits]
    limits = mergeLimits(limits, destination.limits)
    path = destination.path
    running = destination.running ?? running
    backend = destination.backend
  }
  if (running === undefined) throw new SessionEnd("internal_error", "the locator named no pool")
  summary.pool = running.name
  refuseEscape(path, running.pool)
  return { incoming: pooled, target, running, backend, path, edits, limits }
}

/** What comes too late, since the client has left, is given back. */
function giveBack({ place }: Destination): void {
  place?.release()
}

/**
 * The request as the next check and the locator see it: without what a check has removed, such as a token, and
 * with the fields that it has set, so that nobody goes by a client's own value of them.
 */
function afterGrant(
  incoming: IncomingRequest,
  { fields, removedQuery = [], edits = NO_EDITS }: Grant,
): IncomingRequest {
  if (fields === undefined && removedQuery.length === 0 && edits.length === 0) return incoming
  const { request } = incoming
  const target = removedQuery.length === 0 ? request.target : removeQuery(request.target, removedQuery)
  const kept = fields ?? request.fields
  const edited = edits.length === 0 ? kept : editFields(kept, edits)
  return { ...incoming, request: { ...request, target, fields: edited } }
}

/** What a check hides from the backend still counts for the pool: a sticky cookie, for example. */
function forPool(grant: Grant): Grant {
  const { edits } = grant
  return edits === undefined ? grant : { ...grant, edits: edits.filter(({ action }) => action !== "remove") }
}

/** The earliest expiry counts; of other limits the last one that is given. */
function mergeLimits(
  before: TunnelLimits | undefined,
  limits: TunnelLimits | undefined,
): TunnelLimits | undefined {
  if (before === undefined || limits === undefined) return limits ?? before
  const expiresAt = Math.min(before.expiresAt ?? Infinity, limits.expiresAt ?? Infinity)
  return { ...before, ...limits, expiresAt }
}

/** The wait for the decisions about one request. Closed when the client leaves. */
class Question implements Asking, Upstream {
  #controller: AbortController | undefined
  #closedBy: Error | undefined
  #onClose: ((error: Error) => void) | undefined

  constructor(
    readonly listener: string,
    readonly route: string | undefined,
  ) {}

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#closedBy !== undefined) this.#controller.abort(this.#closedBy)
    return this.#controller.signal
  }

  close(error: Error): void {
    this.#closedBy ??= error
    this.#controller?.abort(error)
    this.#onClose?.(error)
  }

  /**
   * Waits for a decision, but no longer than the client does, even if what is asked ignores the signal.
   * @param late is given a decision that nobody waits for any more
   */
  settle<Decision>(
    decision: Decision | Promise<Decision>,
    late?: (decision: Decision) => void,
  ): Decision | Promise<Decision> {
    if (!(decision instanceof Promise)) return decision
    return new Promise((resolve, reject) => {
      this.#onClose = reject
      if (this.#closedBy !== undefined) reject(this.#closedBy)
      decision.then((decided) => {
        if (this.#closedBy === undefined) resolve(decided)
        else late?.(decided)
      }, reject)
    })
  }
}
