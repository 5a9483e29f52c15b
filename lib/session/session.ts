/**
 * One client connection's life, from accept to close:
 *
 *   read request ─► locate ─► authorize ─► plan head ─► connect ─► handshake ─► tunnel ─────────► finish
 *        └────────────┴───────────┴───────────┴───────────┴───────────┼─► relay of a refusal ────► finish
 *                                                                     └─► refusal by rws ────────► finish
 *
 * Every stage returns what the next one needs, or throws the `SessionEnd` that ends the session. Nothing else
 * knows the order.
 */
import type { TunnelLimits } from "../access/check.js"
import { formatClientAddress } from "../address/client-address.js"
import { CLOSE_REASONS, type CloseReason, SessionEnd, type Stage, toSessionEnd } from "../close-reason.js"
import { acquirePlaces } from "../limits/listener-limits.js"
import type { Place } from "../limits/places.js"
import type { Connection } from "../net/connection.js"
import type { EndedSession, SessionSummary } from "../ops/session-summary.js"
import type { Backend } from "../pool/backend.js"
import { authorize } from "./authorize.js"
import { composeHead, composeUpgradeResponse, planHead } from "./compose-head.js"
import { type Connected, connect } from "./connect.js"
import { handshake } from "./handshake.js"
import type { ListenerSettings, ListenerState } from "./listener-state.js"
import { locate } from "./locate.js"
import { hasLeft, peerOf, readRequest } from "./read-request.js"
import { refuse } from "./refuse.js"
import type { LiveSession } from "./registry.js"
import { relay } from "./relay.js"
import type { StageContext, Upstream } from "./stage-context.js"
import { tell, tellHead } from "./tell.js"
import { Tunnel } from "./tunnel.js"

/** Runs one session. It is in `listener.sessions` until its sockets are gone. */
export function startSession(client: Connection, listener: ListenerState): void {
  void establish(new Session(client, listener))
}

/** From accept to the 101. */
async function establish(session: Session): Promise<void> {
  try {
    acquirePlaces(session.listener, session)
    const incoming = await readRequest(session)
    const decision = authorize(session, incoming, locate(session, incoming))
    const admission = decision instanceof Promise ? await decision : decision
    const { target, running } = admission
    // May refuse the request, so it comes before any backend is dialled.
    const plan = planHead(session, admission)
    const connected = await connect(session, admission)
    const { connection, backend } = connected
    tell(session, "backend connected")
    const requestHead = composeHead(plan, backend)
    tellHead(session, "request head for the backend", requestHead, plan.secret)
    const response = await handshake(session, connected, requestHead, plan)
    tell(session, "backend responded")
    // A refusal that has been relayed is an end like any other.
    if (response.status !== 101) throw await relay(session, connection, response)
    if (running.pool.closesTunnelsOf(backend)) {
      throw new SessionEnd("no_backend", "it went down or was removed during the handshake")
    }
    const head = composeUpgradeResponse(response, admission, backend)
    tellHead(session, "response head for the client", head, target.responseFields)
    session.startTunnel(connected, head, admission.limits)
  } catch (error) {
    session.finish(toSessionEnd(error, "internal_error"))
  }
}

/** What ends a session whose client aborts in a stage that has upstream work. */
const ABORT_REASONS: { readonly [stage in Stage | "closing"]?: CloseReason } = {
  authorize: "client_aborted_in_authorize",
  dial: "client_aborted_in_dial",
  handshake: "client_aborted_in_handshake",
  relay: "client_aborted_in_relay",
}

/**
 * Owns the places and both connections. No async frame outlives the handshake, so a tunnel retains no head.
 */
class Session implements StageContext, LiveSession {
  readonly id: number
  readonly startedMs: number
  readonly settings: ListenerSettings
  readonly summary: SessionSummary
  stage: Stage | "closing" = "accept"
  upstream: Upstream | undefined
  backend: Backend | undefined
  #held: readonly Place[] = []
  #tunnel: Tunnel | undefined
  /** Why rws closes the client before there is a tunnel. */
  #closedFor: SessionEnd | undefined

  constructor(
    readonly client: Connection,
    readonly listener: ListenerState,
  ) {
    this.id = listener.sessions.nextId()
    this.startedMs = listener.clock.nowMs()
    this.settings = listener.settings
    this.summary = newSummary(client, listener)
    client.onAbort = (error) =>
      this.upstream?.close(toSessionEnd(error, ABORT_REASONS[this.stage] ?? "client_reset"))
    listener.sessions.add(this)
  }

  get bytesFromClient(): number {
    return this.#tunnel?.bytesFromClient ?? 0
  }

  get bytesFromBackend(): number {
    return this.#tunnel?.bytesFromBackend ?? 0
  }

  enter(stage: Stage): void {
    this.stage = stage
    const aborted = ABORT_REASONS[stage]
    if (aborted !== undefined && this.client.hasAborted) throw this.#closedFor ?? new SessionEnd(aborted)
  }

  hold(place: Place): void {
    // A new array of just the right length: `push` would reserve 17 elements for the life of the tunnel.
    this.#held = [...this.#held, place]
  }

  release(place: Place): void {
    const others = this.#held.filter((held) => held !== place)
    if (others.length < this.#held.length) place.release()
    this.#held = others
  }

  /**
   * @param head the response head that the client gets, with the 101
   * @param limits what is different for this tunnel
   */
  startTunnel({ backend, connection }: Connected, head: string, limits?: TunnelLimits): void {
    const { client, listener, settings } = this
    this.stage = "tunnel"
    this.backend = backend
    backend.beginTunnel()
    client.socket.write(head, "latin1")
    this.release(listener.pending)
    listener.observer.tunnelOpened(this.summary)
    this.#tunnel = new Tunnel(client, connection, settings, listener, this, limits)
    this.#tunnel.start()
  }

  /** Closes a tunnel, or else the client: then the current stage fails, and that leads to `finish`. */
  close(reason: CloseReason): void {
    if (this.#tunnel !== undefined) this.#tunnel.close(new SessionEnd(reason))
    else {
      this.#closedFor ??= new SessionEnd(reason)
      this.client.close(this.#closedFor)
    }
  }

  cut(reason: CloseReason): void {
    if (this.#tunnel === undefined) this.close(reason)
    else this.#tunnel.cut(new SessionEnd(reason))
  }

  halfClosed(reason: CloseReason): void {
    tell(this, reason === "client_fin" ? "half-closed by the client" : "half-closed by the backend")
  }

  /** The one end of every session: called by `establish`, or by the tunnel once both sockets are gone. */
  finish(end: SessionEnd): void {
    const { client, listener, summary, stage } = this
    if (stage === "closing") return
    this.stage = "closing"
    this.upstream?.close(end)
    for (const place of this.#held) place.release()
    this.backend?.endTunnel()
    this.#tunnel?.summarize(summary)
    listener.observer.sessionEnded(toEnded(summary, end), end)
    if (stage === "tunnel") {
      // Open only if the tunnel could not be started.
      client.close(end)
      listener.sessions.delete(this)
    } else refuse(client, end, listener, () => listener.sessions.delete(this))
  }
}

/** The same object: `Object.assign` would cost 2 µs for a summary with many facts. */
function toEnded(summary: SessionSummary, { reason, status }: SessionEnd): EndedSession {
  const ended = summary as EndedSession
  ended.reason = reason
  ended.who = CLOSE_REASONS[reason].who
  if (status !== undefined) ended.status = status
  return ended
}

function newSummary(client: Connection, listener: ListenerState): SessionSummary {
  return {
    listener: listener.settings.name,
    client: hasLeft(client, listener) ? "unknown" : formatClientAddress(peerOf(client)),
    startedAt: Date.now(),
    bytesFromClient: 0,
    bytesFromBackend: 0,
  }
}
