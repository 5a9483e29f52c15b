/** A listener that worker threads serve, as the main thread sees it. */
import { type Address, formatAddress } from "../address/address.js"
import { BindError, Listener, type ListeningServer } from "../net/listener.js"
import type { ListenerSettings } from "../session/listener-state.js"
import type { ServedListener } from "./data-plane.js"
import type { ListenerRows } from "./listener-rows.js"

/** What a listener asks of all workers. */
export interface AllWorkers {
  /** Resolves once the listeners that drain have given up their addresses. */
  closed(): Promise<void>
  /** Drains a listener in all workers, and resolves to the number of tunnels that were cut. */
  drain(key: string, timeoutMs: number, delayMs: number): Promise<number>
}

export class WorkersListener implements ServedListener {
  /** Bound by the workers. */
  address: Address
  #cut = 0

  /** @param key its name between the threads */
  constructor(
    readonly key: string,
    public settings: ListenerSettings,
    private readonly rows: ListenerRows,
    private readonly workers: AllWorkers,
  ) {
    this.address = settings.bind
  }

  get cut(): number {
    return this.#cut
  }

  /** Of all workers. */
  get sessions(): { readonly size: number } {
    return { size: Atomics.load(this.rows.connections, 0) }
  }

  /**
   * With SO_REUSEPORT the workers could bind an address that another program of the same user listens on, and
   * get a part of its clients. So it is bound alone first, for a moment, unless `reuse_port` allows that.
   */
  async listen(inherited?: ListeningServer): Promise<void> {
    const { bind, reuse_port } = this.settings
    if (inherited !== undefined) {
      inherited.server.close()
      throw new BindError(
        `cannot take over the inherited socket ${formatAddress(bind)}: worker threads can't share it; set workers = 1`,
      )
    }
    if (bind.kind === "unix" || bind.port === 0 || reuse_port) return
    // The last reload may have removed this address, and workers close their sockets a moment later.
    await this.workers.closed()
    const probe = new Listener(
      { address: bind },
      { onClient: (client) => client.socket.resetAndDestroy(), onFault() {} },
    )
    await probe.listen()
    await probe.close()
  }

  apply(settings: ListenerSettings): void {
    this.settings = settings
  }

  async drain(timeoutMs: number, delayMs = 0): Promise<void> {
    this.#cut = await this.workers.drain(this.key, timeoutMs, delayMs)
  }
}
