/** A listener at work: what survives a reload, keyed by its bind address. */
import type { Address } from "../address/address.js"
import type { CloseReason } from "../close-reason.js"
import { ClientLimits } from "../limits/client-limits.js"
import { ClientTable } from "../limits/client-table.js"
import type { SocketPlaces } from "../limits/descriptors.js"
import { Places } from "../limits/places.js"
import { LiveBytes } from "../metrics/live-bytes.js"
import { Meter } from "../metrics/meter.js"
import type { Attachment } from "../net/attachment.js"
import { type ClientSource, Listener, type ListenerEvents, type ListeningServer } from "../net/listener.js"
import { Sweep } from "../net/sweep.js"
import { CutCount } from "../ops/cut-count.js"
import type { LogDetail } from "../ops/log-detail.js"
import { type Observer, Observers } from "../ops/observer.js"
import type { Backend } from "../pool/backend.js"
import type { ListenerSettings, ListenerState } from "../session/listener-state.js"
import { SessionRegistry } from "../session/registry.js"
import { startSession } from "../session/session.js"
import { Spread } from "../session/spread.js"
import { tunnelDeadlinesMs } from "../session/tunnel.js"
import { type Clock, systemClock } from "../shared/clock.js"
import type { ServedListener } from "./data-plane.js"
import { Drain, type Drained } from "./drain.js"
import type { ListenerRows } from "./listener-rows.js"

export class RunningListener implements ListenerState, ServedListener, Drained {
  readonly observer: Observer
  readonly sessions = new SessionRegistry((session) => this.#liveBytes?.left(session))
  readonly sockets: SocketPlaces
  readonly detail: LogDetail
  readonly connections: Places
  readonly pending: Places
  readonly sweep: Sweep
  readonly #listener: ClientSource
  readonly #cut = new CutCount()
  readonly #drain = new Drain(this)
  readonly #liveBytes: LiveBytes | undefined
  #isDraining = false
  #settings: ListenerSettings
  #clients: ClientLimits

  /**
   * @param shared the address to bind together with other threads, by SO_REUSEPORT. Default: that of the
   * settings, alone
   * @param attachment brings the clients, in place of a bound address
   */
  constructor(
    settings: ListenerSettings,
    observer: Observer,
    rows: ListenerRows,
    readonly clock: Clock = systemClock,
    shared?: Address,
    attachment?: Attachment,
  ) {
    const { bind, bind_mode, reuse_port } = settings
    const [row] = rows.meters
    const meter = row && new Meter(row)
    this.observer = new Observers(meter === undefined ? [observer, this.#cut] : [observer, this.#cut, meter])
    this.#settings = settings
    this.sockets = rows.sockets
    this.detail = rows.detail
    this.connections = new Places(settings.max_connections, rows.connections, rows.held.connections)
    this.pending = new Places(settings.max_pending, rows.pending, rows.held.pending)
    this.#clients = this.#limitClients(rows)
    this.sweep = new Sweep(tunnelDeadlinesMs(settings), clock)
    this.#liveBytes = row && new LiveBytes(row, this.sessions, clock)
    const events: ListenerEvents = {
      onClient: (client) => {
        meter?.sessionStarted()
        startSession(client, this)
      },
      onFault: (error) => this.observer.acceptFailed(this.settings.name, error),
    }
    const how = { address: shared ?? bind, mode: bind_mode, reusePort: reuse_port || shared !== undefined }
    this.#listener = attachment?.serve(events) ?? new Listener(how, events)
  }

  get settings(): ListenerSettings {
    return this.#settings
  }

  get clients(): ClientLimits {
    return this.#clients
  }

  /**
   * Settings for sessions that begin from now on, and limits that apply at once. Sessions that exist keep
   * their settings, and all keep their places.
   * @param rows those that it has, and the table of clients if this is the first limit on them
   */
  apply(settings: ListenerSettings, rows: ListenerRows): void {
    this.#settings = settings
    this.#clients = this.#limitClients(rows)
    this.connections.max = settings.max_connections
    this.pending.max = settings.max_pending
    this.sweep.serve(tunnelDeadlinesMs(settings))
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** The bound address. Port 0 has been replaced by the port that the system chose. */
  get address(): Address {
    return this.#listener.address
  }

  /** Binds the address, or takes over an inherited socket. Rejects with a `BindError`. */
  listen(inherited?: ListeningServer): Promise<void> {
    return this.#listener.listen(inherited)
  }

  /** How many tunnels its drain has cut so far. */
  get cut(): number {
    return this.#cut.count
  }

  /** Closes the tunnels of a backend, over `drain_spread_ms`. Returns how many there are. */
  closeTunnelsOf({ cells }: Backend, reason: CloseReason = "backend_down"): number {
    // Backends with the same row are the same one.
    const sessions = [...this.sessions].filter(({ backend }) => backend?.cells === cells)
    new Spread(sessions, reason, this.settings.drain_spread_ms, this.clock)
    return sessions.length
  }

  /** Resolves once its drain has given up the address. */
  get stopped(): Promise<void> {
    return this.#listener.stopped
  }

  stopAccepting(): Promise<void> {
    return this.#listener.close()
  }

  /** See `Drain.run`. */
  async drain(timeoutMs: number, delayMs = 0): Promise<void> {
    this.#isDraining = true
    await this.#drain.run(timeoutMs, delayMs)
    this.sweep.stop()
    this.#liveBytes?.stop()
  }

  #limitClients({ clients, held }: ListenerRows): ClientLimits {
    const table = clients && new ClientTable(clients, held.clients)
    return new ClientLimits(this.#settings, this.clock, table)
  }
}
