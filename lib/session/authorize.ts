/**
 * Asks the route's checks whether the client may connect, one after the other, and then its locator where the
 * request leads. A route without them costs nothing here, and decisions that need no wait cost no promise.
 */
import type { AccessCheck, Asking, Grant, TunnelLimits } from "../access/check.js"
import { SessionEnd } from "../close-reason.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { Pool } from "../pool/pool.js"
import type { Destination } from "../registry/locator.js"
import { editFields } from "../upgrade/edit-fields.js"
import { removeQuery } from "../upgrade/remove-query.js"
import type { Admission } from "./admission.js"
import { type Located, refuseEscape } from "./locate.js"
import type { IncomingRequest } from "./read-request.js"
import type { RouteTarget } from "./route-target.js"
import type { StageContext, Upstream } from "./stage-context.js"
import { tell } from "./tell.js"

/** Returns a promise only if a check or the locator has to wait. Throws or rejects with a `SessionEnd`. */
export function authorize(
  session: StageContext,
  incoming: IncomingRequest,
  { target, path }: Located,
): Admission | Promise<Admission> {
  const { running, checks, locator } = target
  if (checks.length > 0 || locator !== undefined) {
    session.enter("authorize")
    return new Authorization(session, incoming, target, path).ask(checks)
  }
  if (running === undefined) throw new SessionEnd("internal_error", "the route leads nowhere")
  refuseEscape(path, running.pool)
  return { incoming, target, running, backend: undefined, path, edits: NO_EDITS, limits: undefined }
}

const NO_EDITS: readonly FieldEdit[] = []

/** What is known so far about one request. */
class Authorization {
  readonly #question: Question
  /** Without tokens, but with all fields that checks have not removed for themselves. */
  #incoming: IncomingRequest
  #path: string
  #edits = NO_EDITS
  #limits: TunnelLimits | undefined

  constructor(
    private readonly session: StageContext,
    incoming: IncomingRequest,
    private readonly target: RouteTarget,
    path: string,
  ) {
    this.#incoming = incoming
    this.#path = path
    this.#question = new Question(session.settings.name, target.title)
    session.upstream = this.#question
  }

  /** @param checks those that have not been asked yet */
  ask(checks: readonly AccessCheck[]): Admission | Promise<Admission> {
    for (const [index, check] of checks.entries()) {
      const decision = this.#question.settle(check.check(this.#asked(), this.#question))
      if (decision instanceof Promise) {
        return decision.then((grant) => {
          this.#apply(grant)
          return this.ask(checks.slice(index + 1))
        })
      }
      this.#apply(decision)
    }
    return this.#locate()
  }

  #locate(): Admission | Promise<Admission> {
    const { locator, running } = this.target
    if (locator === undefined) return this.#admit({ running, path: this.#path })
    tell(this.session, "authorized")
    const decision = this.#question.settle(
      locator.locate(this.#asked(), this.#path, this.#question),
      giveBack,
    )
    return decision instanceof Promise
      ? decision.then((destination) => this.#admit(destination))
      : this.#admit(decision)
  }

  #admit(destination: Destination): Admission {
    const { session, target } = this
    const { place, endpoint, edits = NO_EDITS, limits, path, backend } = destination
    if (place !== undefined) session.hold(place)
    if (endpoint !== undefined) session.summary.endpoint = endpoint
    const running = destination.running ?? target.running
    if (running === undefined) throw new SessionEnd("internal_error", "the locator named no pool")
    session.summary.pool = running.name
    refuseEscape(path, running.pool)
    return {
      incoming: this.#forPool(running.pool),
      target,
      running,
      backend,
      path,
      edits: edits.length === 0 ? this.#edits : [...this.#edits, ...edits],
      limits: mergeLimits(this.#limits, limits),
    }
  }

  #apply({ fields, removedQuery = [], edits = NO_EDITS, limits }: Grant): void {
    if (fields !== undefined || removedQuery.length > 0) {
      const { request } = this.#incoming
      const target = removeQuery(request.target, removedQuery)
      this.#incoming = {
        ...this.#incoming,
        request: { ...request, target, fields: fields ?? request.fields },
      }
      this.#path = removeQuery(this.#path, removedQuery)
    }
    if (edits.length > 0) this.#edits = [...this.#edits, ...edits]
    this.#limits = mergeLimits(this.#limits, limits)
  }

  /**
   * The request as the next check and the locator see it: with the fields that checks have set, so that
   * nobody goes by a client's own value of them.
   */
  #asked(): IncomingRequest {
    return withEdits(this.#incoming, this.#edits)
  }

  /** What a check hides from the backend still counts for the pool: a sticky cookie, for example. */
  #forPool({ settings }: Pool): IncomingRequest {
    if (settings.hash_key === undefined) return this.#incoming
    return withEdits(
      this.#incoming,
      this.#edits.filter(({ action }) => action !== "remove"),
    )
  }
}

function withEdits(incoming: IncomingRequest, edits: readonly FieldEdit[]): IncomingRequest {
  if (edits.length === 0) return incoming
  const { request } = incoming
  return { ...incoming, request: { ...request, fields: editFields(request.fields, edits) } }
}

/** What comes too late, since the client has left, is given back. */
function giveBack({ place }: Destination): void {
  place?.release()
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
