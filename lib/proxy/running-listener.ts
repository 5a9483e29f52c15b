/** A listener at work: what survives a reload, keyed by its bind address. */
import type { Address } from "../address/address.js"
import { ClientLimits } from "../limits/client-limits.js"
import { socketPlaces } from "../limits/descriptors.js"
import { Places } from "../limits/places.js"
import { Listener } from "../net/listener.js"
import { Sweep } from "../net/sweep.js"
import type { Observer } from "../ops/observer.js"
import type { ListenerSettings, ListenerState } from "../session/listener-state.js"
import { SessionRegistry } from "../session/registry.js"
import { startSession } from "../session/session.js"
import { tunnelDeadlinesMs } from "../session/tunnel.js"
import { type Clock, systemClock } from "../shared/clock.js"
import { toTimerMs } from "../shared/timer.js"

export class RunningListener implements ListenerState {
  readonly sessions = new SessionRegistry()
  readonly sockets = socketPlaces()
  readonly connections: Places
  readonly pending: Places
  readonly clients: ClientLimits
  readonly sweep: Sweep
  readonly #listener: Listener

  constructor(
    readonly settings: ListenerSettings,
    readonly observer: Observer,
    readonly clock: Clock = systemClock,
  ) {
    const { bind, bind_mode } = settings
    this.connections = new Places(settings.max_connections)
    this.pending = new Places(settings.max_pending)
    this.clients = new ClientLimits(settings, clock)
    this.sweep = new Sweep(tunnelDeadlinesMs(settings), clock)
    this.#listener = new Listener(
      { address: bind, mode: bind_mode },
      {
        onClient: (client) => startSession(client, this),
        onFault: (error) => observer.acceptFailed(settings.name, error),
      },
    )
  }

  /** The bound address. Port 0 has been replaced by the port that the system chose. */
  get address(): Address {
    return this.#listener.address
  }

  /** Binds the address. Rejects with a `BindError`. */
  listen(): Promise<void> {
    return this.#listener.listen()
  }

  /**
   * Stops accepting, and closes the sessions that are left after `timeoutMs`. Resolves when the last one has
   * ended. May be called again to shorten the wait.
   */
  async drain(timeoutMs: number): Promise<void> {
    const closed = this.#listener.close()
    const deadline = Number.isFinite(timeoutMs)
      ? this.clock.after(toTimerMs(timeoutMs), () => this.sessions.closeAll("drain_timeout"))
      : undefined
    await closed
    await this.sessions.untilEmpty()
    deadline?.cancel()
    this.sweep.stop()
  }
}
