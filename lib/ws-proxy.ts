/** The library's front door: one listener, described by chained calls. */
import type { ListenerInput } from "./config/schema.js"
import { type Log, SILENT } from "./ops/log.js"
import { createProxy, type RunningProxy } from "./proxy.js"
import { Pool } from "./routing/pool.js"

/**
 * One WebSocket proxy on one address. What is not set has the default of the configuration key of the same name;
 * all values are checked by `bind`.
 *
 * ```ts
 * const proxy = await new WsProxy(["chat-1:9000", "chat-2:9000"]).connectTimeoutMs(3000).bind("0.0.0.0:8080")
 * ```
 */
export class WsProxy {
  readonly #backends: Pool | string[]
  readonly #settings: Partial<ListenerInput> = {}
  #log = SILENT

  /**
   * @param backends one or more of `host:port`, `[v6]:port`, `ws://host[:port]` or `unix:/path`; or a `Pool`, which may
   * change while the proxy runs
   */
  constructor(backends: string | readonly string[] | Pool) {
    this.#backends = backends instanceof Pool ? backends : [backends].flat()
  }

  /** Name in logs and events. Default: the bind address. */
  name(name: string): this {
    return this.#set({ name })
  }

  /** TCP connect to one backend, in milliseconds, at least 1. Default: 5000. */
  connectTimeoutMs(ms: number): this {
    return this.#set({ connect_timeout_ms: ms })
  }

  /** From accept until the client's request head is complete, in milliseconds, at least 1. Default: 30000. */
  readTimeoutMs(ms: number): this {
    return this.#set({ read_timeout_ms: ms })
  }

  /** From sending the head until the backend's answer is complete, in milliseconds, at least 1. Default: 10000. */
  handshakeTimeoutMs(ms: number): this {
    return this.#set({ handshake_timeout_ms: ms })
  }

  /** Ends a tunnel in which no byte has moved for this many milliseconds. Default: 0 = never. */
  idleTimeoutMs(ms: number): this {
    return this.#set({ idle_timeout_ms: ms })
  }

  /** Ends a tunnel of which one side has closed and the other is silent for this many ms. Default: 30000; 0 = never. */
  halfCloseTimeoutMs(ms: number): this {
    return this.#set({ half_close_timeout_ms: ms })
  }

  /** How long `close` lets open tunnels go on, in milliseconds, at least 1. Default: 30000. */
  drainTimeoutMs(ms: number): this {
    return this.#set({ drain_timeout_ms: ms })
  }

  /** Longest request head, in bytes, from 64 to 65536. Default: 8192. */
  maxHeadBytes(bytes: number): this {
    return this.#set({ max_head_bytes: bytes })
  }

  /** Client connections at the same time. Default: 0 = no limit. */
  maxConnections(connections: number): this {
    return this.#set({ max_connections: connections })
  }

  /**
   * Idle time before the first TCP keepalive probe on both sockets of a tunnel, in milliseconds, at least 1000.
   * Default: 60000; 0 = off.
   */
  keepaliveMs(ms: number): this {
    return this.#set({ keepalive_ms: ms })
  }

  /** Host sent to the backend: "backend" (its address, the default), "client" (as it came) or a literal. */
  hostHeader(host: string): this {
    return this.#set({ host_header: host })
  }

  /** Where the log goes: a pino logger. Default: nowhere. */
  log(log: Log): this {
    this.#log = log
    return this
  }

  /**
   * Starts the proxy. Resolves once it listens.
   * @param address `host:port` (port 0 = any free one), `[v6]:port` or `unix:/path`
   * @throws {ConfigError} when a setting or the address is not valid
   * @throws {BindError} when the address can't be bound
   */
  bind(address: string): Promise<RunningProxy> {
    const listener = { ...this.#settings, bind: address, backends: this.#backends }
    return createProxy({ ws_proxy: [listener] }, { log: this.#log })
  }

  #set(settings: Partial<ListenerInput>): this {
    Object.assign(this.#settings, settings)
    return this
  }
}
