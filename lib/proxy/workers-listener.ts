/** A listener that worker threads serve, as the main thread sees it. */
import { type Address, formatAddress } from "../address/address.js"
import { BindError, Listener, type ListeningServer } from "../net/listener.js"
import type { ListenerSettings } from "../session/listener-state.js"
import type { ServedListener } from "./data-plane.js"
import type { ListenerRows } from "./listener-rows.js"

export class WorkersListener implements ServedListener {
  /** Bound by the workers. */
  address: Address
  #cut = 0

  /**
   * @param key its name between the threads
   * @param drainAll drains it in all workers, and resolves to the number of tunnels that were cut
   */
  constructor(
    readonly key: string,
    public settings: ListenerSettings,
    private readonly rows: ListenerRows,
    private readonly drainAll: (key: string, timeoutMs: number, delayMs: number) => Promise<number>,
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
    this.#cut = await this.drainAll(this.key, timeoutMs, delayMs)
  }
}
