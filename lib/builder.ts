/** The library's front door: one listener, described by chained calls. */
import type { ListenerInput } from "./config/schema.js"
import { type Log, SILENT } from "./ops/log.js"
import type { BackendInput } from "./pool/backend-settings.js"
import { Pool } from "./pool/pool.js"
import { createProxy, type RunningProxy } from "./proxy/proxy.js"

/**
 * One WebSocket proxy on one address. What is not set has the default of the configuration key of the same name;
 * all values are checked by `bind`.
 *
 * ```ts
 * const proxy = await new WsProxy(["chat-1:9000", "chat-2:9000"]).connectTimeoutMs(3000).bind("0.0.0.0:8080")
 * ```
 */
export class WsProxy {
  readonly #backends: ListenerInput["backends"]
  readonly #settings: Partial<ListenerInput> = {}
  #log = SILENT

  /**
   * @param backends one or more of `host:port`, `[v6]:port`, `ws://host[:port][/path]`, `wss://host[:port][/path]` or
   * `unix:/path`, or tables with an `address`; or a `Pool`, which may change while the proxy runs. None when there are routes
   * that have backends
   */
  constructor(backends?: string | readonly BackendInput[] | Pool) {
    this.#backends = backends instanceof Pool || backends === undefined ? backends : [backends].flat()
  }

  /** Name in logs and events. Default: the bind address. */
  name(name: string): this {
    return this.#set({ name })
  }

  /** Permissions of a Unix socket in octal, as in "0660". Default: what the umask leaves. */
  bindMode(mode: string): this {
    return this.#set({ bind_mode: mode })
  }

  /** Routes, of which the first that matches is taken; what none takes goes to the backends of the constructor. */
  route(routes: ListenerInput["route"]): this {
    return this.#set({ route: routes })
  }

  /** How a backend is chosen. Default: "round_robin". */
  balance(balance: ListenerInput["balance"]): this {
    return this.#set({ balance })
  }

  /** What "hash" goes by: `client_ip`, `path`, `header:NAME`, `cookie:NAME` or `query:NAME`. */
  hashKey(key: string): this {
    return this.#set({ hash_key: key })
  }

  /** Name of a cookie that brings a client back to its backend. Default: none. */
  stickyCookie(name: string): this {
    return this.#set({ sticky_cookie: name })
  }

  /** What the sticky cookie's values are made with, at least 16 characters. Default: another one at each start. */
  stickySecret(secret: string): this {
    return this.#set({ sticky_secret: secret })
  }

  /** Backends that one session may dial. Default: 0 = each of them once. */
  maxTries(tries: number): this {
    return this.#set({ max_tries: tries })
  }

  /** Failed dials within `failTimeoutMs` that take a backend out. Default: 3; 0 = never. */
  maxFails(fails: number): this {
    return this.#set({ max_fails: fails })
  }

  /** How soon so many dials must fail, and how long the backend is then out, in milliseconds. Default: 10000. */
  failTimeoutMs(ms: number): this {
    return this.#set({ fail_timeout_ms: ms })
  }

  /** PROXY header that the backends get. Default: none. */
  sendProxyProtocol(version: ListenerInput["send_proxy_protocol"]): this {
    return this.#set({ send_proxy_protocol: version })
  }

  /** Active checks of each backend. Default: none. */
  healthCheck(check: ListenerInput["health_check"]): this {
    return this.#set({ health_check: check })
  }

  /** How TLS is spoken with the `wss://` backends. Default: with the certificates that Node.js trusts. */
  tls(tls: ListenerInput["tls"]): this {
    return this.#set({ tls })
  }

  /** TCP connect to one backend, and TLS handshake, in milliseconds, at least 1. Default: 5000. */
  connectTimeoutMs(ms: number): this {
    return this.#set({ connect_timeout_ms: ms })
  }

  /** From accept until the client's request head is complete, in milliseconds, at least 1. Default: 30000. */
  readTimeoutMs(ms: number): this {
    return this.#set({ read_timeout_ms: ms })
  }

  /**
   * From sending the head until the head of the backend's response is complete, in milliseconds, at least 1. While a refusal
   * is relayed: the longest time without progress, three times that for the client. Default: 10000.
   */
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

  /** The same for one client address, or one IPv6 /64. Default: 0 = no limit. */
  maxConnectionsPerIp(connections: number): this {
    return this.#set({ max_connections_per_ip: connections })
  }

  /** Sessions at the same time that are no tunnels yet. Default: 0 = no limit. */
  maxPending(sessions: number): this {
    return this.#set({ max_pending: sessions })
  }

  /** New connections of one client address, as in `20/s`, `100/m` or `1000/h`. Default: no limit. */
  ratePerIp(rate: string): this {
    return this.#set({ rate_per_ip: rate })
  }

  /** How many of them may come at once. Default: 0 = as many as the rate names. */
  rateBurst(connections: number): this {
    return this.#set({ rate_burst: connections })
  }

  /**
   * Idle time before the first TCP keepalive probe on both sockets of a tunnel, in milliseconds, at least 1000.
   * Default: 60000; 0 = off.
   */
  keepaliveMs(ms: number): this {
    return this.#set({ keepalive_ms: ms })
  }

  /** Addresses and ranges that may say who the client is, and `unix` for those of a Unix socket. Default: none. */
  trustedProxies(addresses: string[]): this {
    return this.#set({ trusted_proxies: addresses })
  }

  /** Whether connections from the trusted proxies begin with a PROXY header, v1 or v2. Default: false. */
  acceptProxyProtocol(accept: boolean): this {
    return this.#set({ accept_proxy_protocol: accept })
  }

  /** Fields that tell the backend who the client is. Default: "x-forwarded". */
  forwarded(mode: ListenerInput["forwarded"]): this {
    return this.#set({ forwarded: mode })
  }

  /** Fields of the request that are set or removed. Default: none. */
  requestHeaders(rules: ListenerInput["request_headers"]): this {
    return this.#set({ request_headers: rules })
  }

  /** Fields of the relayed 101 that are set or removed. Default: none. */
  responseHeaders(rules: ListenerInput["response_headers"]): this {
    return this.#set({ response_headers: rules })
  }

  /** Origins that may connect, as in `https://app.example.com`, `https://*.example.com` or `null`. Default: all. */
  allowedOrigins(origins: string[]): this {
    return this.#set({ allowed_origins: origins })
  }

  /** Whether a request without Origin is refused. Default: false. */
  requireOrigin(require: boolean): this {
    return this.#set({ require_origin: require })
  }

  /** The only subprotocols that may be offered to the backend. Default: all. */
  subprotocols(subprotocols: string[]): this {
    return this.#set({ subprotocols })
  }

  /** Host sent to the backend: "backend" (its address, the default), "client" (as it came) or a literal. */
  hostHeader(host: string): this {
    return this.#set({ host_header: host })
  }

  /** Where the log goes: a pino logger, or what `createLog` makes. Default: nowhere. */
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
    const listener: ListenerInput = { ...this.#settings, bind: address, backends: this.#backends }
    return createProxy({ ws_proxy: [listener] }, { log: this.#log })
  }

  #set(settings: Partial<ListenerInput>): this {
    Object.assign(this.#settings, settings)
    return this
  }
}
