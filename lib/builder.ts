/** `WsProxy`: one listener, described by chained calls. */
import type { ListenerConfig } from "./config/listener-schema.js"
import { type Log, SILENT } from "./ops/log.js"
import type { BackendInput } from "./pool/backend-settings.js"
import { Pool } from "./pool/pool.js"
import { createProxy, type RunningProxy } from "./proxy/proxy.js"

/**
 * One WebSocket proxy on one address, with a method for each configuration key. `bind` checks all values.
 *
 * ```ts
 * const proxy = await new WsProxy(["chat-1:9000", "chat-2:9000"]).connectTimeoutMs(3000).bind("0.0.0.0:8080")
 * ```
 */
export class WsProxy {
  readonly #backends: ListenerConfig["backends"]
  readonly #settings: Partial<ListenerConfig> = {}
  #log = SILENT

  /**
   * @param backends one or more of `host:port`, `[v6]:port`, `ws://host[:port][/path]`,
   * `wss://host[:port][/path]`, `unix:/path`, a `URL`, or tables with an `address`; or a `Pool`, which may
   * change while the proxy runs. May be left out if there are routes with backends
   */
  constructor(backends?: string | URL | readonly BackendInput[] | Pool) {
    this.#backends = backends instanceof Pool || backends === undefined ? backends : [backends].flat()
  }

  // Rendered from the schema by test/builder-methods.test.ts.
  /** Name in logs and events. Default: the bind address. */
  name(value: ListenerConfig["name"]): this {
    return this.#set({ name: value })
  }

  /**
   * Permissions of a `unix:` socket in octal, e.g. `"0660"`; connecting takes write permission. Default: by
   * the umask.
   */
  bindMode(value: ListenerConfig["bind_mode"]): this {
    return this.#set({ bind_mode: value })
  }

  /**
   * Listen beside another rws that has this key too (SO_REUSEPORT; needs Node.js 22.12), for `rws --replace`;
   * the path of a `unix:` socket passes to the rws that binds it last. Default: false.
   */
  reusePort(value: ListenerConfig["reuse_port"]): this {
    return this.#set({ reuse_port: value })
  }

  /** Tables: routes, tried in file order. Default: none. */
  route(value: ListenerConfig["route"]): this {
    return this.#set({ route: value })
  }

  /**
   * Resolving a backend's name, TCP connect to all its addresses together, and the TLS handshake. Default:
   * 5000.
   */
  connectTimeoutMs(value: ListenerConfig["connect_timeout_ms"]): this {
    return this.#set({ connect_timeout_ms: value })
  }

  /**
   * From accept until the client's request head is complete; a slow trickle does not extend it. Default:
   * 30000.
   */
  readTimeoutMs(value: ListenerConfig["read_timeout_ms"]): this {
    return this.#set({ read_timeout_ms: value })
  }

  /**
   * From sending the head until the backend's response head is complete; while a refusal is relayed: no
   * progress for this long, or three times as long by the client. Default: 10000.
   */
  handshakeTimeoutMs(value: ListenerConfig["handshake_timeout_ms"]): this {
    return this.#set({ handshake_timeout_ms: value })
  }

  /** Closes a tunnel without a byte in either direction for this long; 0 = never. Default: 0. */
  idleTimeoutMs(value: ListenerConfig["idle_timeout_ms"]): this {
    return this.#set({ idle_timeout_ms: value })
  }

  /** Closes a tunnel with one side closed and the other silent for this long; 0 = never. Default: 30000. */
  halfCloseTimeoutMs(value: ListenerConfig["half_close_timeout_ms"]): this {
    return this.#set({ half_close_timeout_ms: value })
  }

  /**
   * Closes a tunnel at this age; the limit of each tunnel is spread over the last 10 %, so that they do not
   * end together; 0 = unlimited. Default: 0.
   */
  maxLifetimeMs(value: ListenerConfig["max_lifetime_ms"]): this {
    return this.#set({ max_lifetime_ms: value })
  }

  /** How long open tunnels may continue at shutdown. Default: 30000. */
  drainTimeoutMs(value: ListenerConfig["drain_timeout_ms"]): this {
    return this.#set({ drain_timeout_ms: value })
  }

  /**
   * How long the listener keeps accepting after the request to stop, so that load balancers notice first; the
   * drain begins after it. Default: 0.
   */
  drainDelayMs(value: ListenerConfig["drain_delay_ms"]): this {
    return this.#set({ drain_delay_ms: value })
  }

  /**
   * Time over which the tunnels that are left after `drain_timeout_ms` are closed, evenly, oldest first; 0 =
   * all at once. Default: 3000.
   */
  drainSpreadMs(value: ListenerConfig["drain_spread_ms"]): this {
    return this.#set({ drain_spread_ms: value })
  }

  /**
   * End tunnels with a WebSocket Close frame to both peers, at the end of a frame, and wait up to a second
   * for their replies. Default: false.
   */
  closeFrames(value: ListenerConfig["close_frames"]): this {
    return this.#set({ close_frames: value })
  }

  /** Code of the Close frame that clients get: 1012 = service restart. Default: 1012. */
  clientCloseCode(value: ListenerConfig["client_close_code"]): this {
    return this.#set({ client_close_code: value })
  }

  /** Code of the Close frame that backends get: 1001 = going away. Default: 1001. */
  backendCloseCode(value: ListenerConfig["backend_close_code"]): this {
    return this.#set({ backend_close_code: value })
  }

  /** Longest request head, 64 to 65536. Default: 8192. */
  maxHeadBytes(value: ListenerConfig["max_head_bytes"]): this {
    return this.#set({ max_head_bytes: value })
  }

  /** Concurrent client connections, from accept to close or refusal; 0 = unlimited. Default: 0. */
  maxConnections(value: ListenerConfig["max_connections"]): this {
    return this.#set({ max_connections: value })
  }

  /** Concurrent connections of one client address, or of one IPv6 /64; 0 = unlimited. Default: 0. */
  maxConnectionsPerIp(value: ListenerConfig["max_connections_per_ip"]): this {
    return this.#set({ max_connections_per_ip: value })
  }

  /** Concurrent sessions still in the handshake phase; 0 = unlimited. Default: 0. */
  maxPending(value: ListenerConfig["max_pending"]): this {
    return this.#set({ max_pending: value })
  }

  /** New connections of one client address, e.g. `"20/s"`, `"100/m"` or `"1000/h"`. Default: unlimited. */
  ratePerIp(value: ListenerConfig["rate_per_ip"]): this {
    return this.#set({ rate_per_ip: value })
  }

  /**
   * Connections of one client address that may arrive at once; 0 = the number in `rate_per_ip`. Default: 0.
   */
  rateBurst(value: ListenerConfig["rate_burst"]): this {
    return this.#set({ rate_burst: value })
  }

  /** Idle time before TCP keepalive probes on both sockets, at least 1000; 0 = off. Default: 60000. */
  keepaliveMs(value: ListenerConfig["keepalive_ms"]): this {
    return this.#set({ keepalive_ms: value })
  }

  /**
   * Addresses and CIDR ranges that may report the client address; `"private_ranges"` for loopback and private
   * networks, `"unix"` for clients of a Unix socket. Default: [].
   */
  trustedProxies(value: ListenerConfig["trusted_proxies"]): this {
    return this.#set({ trusted_proxies: value })
  }

  /**
   * Connections from `trusted_proxies` begin with a PROXY header, v1 or v2, and are refused without it.
   * Default: false.
   */
  acceptProxyProtocol(value: ListenerConfig["accept_proxy_protocol"]): this {
    return this.#set({ accept_proxy_protocol: value })
  }

  /**
   * All clients come over TLS, though nothing says so: behind a terminator that passes bytes without a PROXY
   * header, or with one that lacks TLS details; what a trusted proxy reports overrides it. Default: false.
   */
  clientTls(value: ListenerConfig["client_tls"]): this {
    return this.#set({ client_tls: value })
  }

  /**
   * Fields that tell the backend who the client is: `"x-forwarded"`, `"rfc7239"`, `"both"` or `"off"`.
   * Default: "x-forwarded".
   */
  forwarded(value: ListenerConfig["forwarded"]): this {
    return this.#set({ forwarded: value })
  }

  /**
   * Path at which rws itself answers a plain GET, for load balancers: 200, or 503 while the listener drains.
   * Default: none.
   */
  statusPath(value: ListenerConfig["status_path"]): this {
    return this.#set({ status_path: value })
  }

  /**
   * Send `X-Request-ID` and `traceparent` to the backend: those of a trusted proxy, else new ones; `false` =
   * as the client sent them. Default: true.
   */
  traceHeaders(value: ListenerConfig["trace_headers"]): this {
    return this.#set({ trace_headers: value })
  }

  /**
   * Host that the backend gets: `"backend"` (its address), `"client"` (as received) or a literal
   * `host[:port]`. Default: "backend".
   */
  hostHeader(value: ListenerConfig["host_header"]): this {
    return this.#set({ host_header: value })
  }

  /**
   * Fields to set and to remove in the request: `set = { X-Name = "value" }`, `remove = ["X-Name"]`; the
   * client's `X_Name`, which CGI, WSGI and PHP read as the same field, is removed too. Default: no change.
   */
  requestHeaders(value: ListenerConfig["request_headers"]): this {
    return this.#set({ request_headers: value })
  }

  /** Fields to set and to remove in the `101` that the client gets, in the same form. Default: no change. */
  responseHeaders(value: ListenerConfig["response_headers"]): this {
    return this.#set({ response_headers: value })
  }

  /**
   * Origins that may connect: `"https://app.example.com"`, `"https://*.example.com"`, `"null"`; empty = all.
   * Default: [].
   */
  allowedOrigins(value: ListenerConfig["allowed_origins"]): this {
    return this.#set({ allowed_origins: value })
  }

  /** Refuse requests without Origin; clients other than browsers usually send none. Default: false. */
  requireOrigin(value: ListenerConfig["require_origin"]): this {
    return this.#set({ require_origin: value })
  }

  /**
   * Origin that the backend gets from clients that send none; `allowed_origins` and `require_origin` go by
   * what the client has sent. Default: none.
   */
  origin(value: ListenerConfig["origin"]): this {
    return this.#set({ origin: value })
  }

  /** Table: clients must send a signed token. Default: none. */
  jwt(value: ListenerConfig["jwt"]): this {
    return this.#set({ jwt: value })
  }

  /** Table: a service that is asked whether a client may connect; after `jwt`. Default: none. */
  forwardAuth(value: ListenerConfig["forward_auth"]): this {
    return this.#set({ forward_auth: value })
  }

  /**
   * Name of the `[registry.NAME]` in which each request's endpoint is looked up, in place of `pool`. Default:
   * none.
   */
  registry(value: ListenerConfig["registry"]): this {
    return this.#set({ registry: value })
  }

  /**
   * Where a request names its endpoint: `"query:NAME"`, `"header:NAME"`, `"path:1"` (the first segment, after
   * `strip_prefix` and `rewrite`) or `"host:1"` (the first label). Default: none.
   */
  registryKey(value: ListenerConfig["registry_key"]): this {
    return this.#set({ registry_key: value })
  }

  /** Pass `registry_key` on to the backend; otherwise it is removed, except from the Host. Default: false. */
  keepKey(value: ListenerConfig["keep_key"]): this {
    return this.#set({ keep_key: value })
  }

  /** The only subprotocols that the backend is offered; empty = all. Default: []. */
  subprotocols(value: ListenerConfig["subprotocols"]): this {
    return this.#set({ subprotocols: value })
  }

  /**
   * How a backend is chosen: `"round_robin"`, `"least_connections"`, `"random"` (the less loaded of two) or
   * `"hash"`. Default: "round_robin".
   */
  balance(value: ListenerConfig["balance"]): this {
    return this.#set({ balance: value })
  }

  /**
   * What `"hash"` hashes: `"client_ip"`, `"path"`, `"header:NAME"`, `"cookie:NAME"` or `"query:NAME"`;
   * requests without it fall back to round robin. Default: none.
   */
  hashKey(value: ListenerConfig["hash_key"]): this {
    return this.#set({ hash_key: value })
  }

  /** Name of a cookie that returns a client to its backend while that backend is available. Default: none. */
  stickyCookie(value: ListenerConfig["sticky_cookie"]): this {
    return this.#set({ sticky_cookie: value })
  }

  /**
   * Secret behind the cookie's values, at least 16 characters; set it to keep clients in place across
   * restarts and several rws. Default: another one at each start.
   */
  stickySecret(value: ListenerConfig["sticky_secret"]): this {
    return this.#set({ sticky_secret: value })
  }

  /** Table: attributes of that cookie. Default: see below. */
  stickyAttributes(value: ListenerConfig["sticky_attributes"]): this {
    return this.#set({ sticky_attributes: value })
  }

  /** Backends that one session may dial; 0 = each one once. Default: 0. */
  maxTries(value: ListenerConfig["max_tries"]): this {
    return this.#set({ max_tries: value })
  }

  /** Failed attempts within `fail_timeout_ms` that eject a backend; 0 = never. Default: 3. */
  maxFails(value: ListenerConfig["max_fails"]): this {
    return this.#set({ max_fails: value })
  }

  /**
   * Failures that count: `"dial"`, `"handshake"` (the backend resets, closes, hangs or sends an invalid
   * response), `"status:NNN"` (a response with that status). Default: ["dial","handshake"].
   */
  failOn(value: ListenerConfig["fail_on"]): this {
    return this.#set({ fail_on: value })
  }

  /**
   * Time window of `max_fails`, and how long the backend stays ejected; each failed retry doubles that time,
   * up to five minutes. Default: 10000.
   */
  failTimeoutMs(value: ListenerConfig["fail_timeout_ms"]): this {
    return this.#set({ fail_timeout_ms: value })
  }

  /**
   * Time over which the share of a backend that comes back, or is added at run time, grows linearly from
   * nothing to its usual one; no effect on sessions placed by `hash_key` or a sticky cookie; 0 = its usual
   * share at once. Default: 0.
   */
  slowStartMs(value: ListenerConfig["slow_start_ms"]): this {
    return this.#set({ slow_start_ms: value })
  }

  /**
   * IP addresses of this machine to dial the backends from, in turn: each has some 28,000 ports of its own,
   * which is how many tunnels it can carry. Default: the system chooses.
   */
  localAddresses(value: ListenerConfig["local_addresses"]): this {
    return this.#set({ local_addresses: value })
  }

  /**
   * What happens to the tunnels of a backend that health checks take down or that is removed: `"keep"`, or
   * `"close"` them over `drain_spread_ms`. Default: "keep".
   */
  onBackendDown(value: ListenerConfig["on_backend_down"]): this {
    return this.#set({ on_backend_down: value })
  }

  /**
   * PROXY header with the client's address that is sent to the backends before TLS: `"v1"` or `"v2"`.
   * Default: none.
   */
  sendProxyProtocol(value: ListenerConfig["send_proxy_protocol"]): this {
    return this.#set({ send_proxy_protocol: value })
  }

  /** Table: active checks of the backends. Default: none. */
  healthCheck(value: ListenerConfig["health_check"]): this {
    return this.#set({ health_check: value })
  }

  /** Table: TLS with `wss://` backends. Default: see below. */
  tls(value: ListenerConfig["tls"]): this {
    return this.#set({ tls: value })
  }

  // End of the rendered methods.

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
    const listener: ListenerConfig = { ...this.#settings, bind: address, backends: this.#backends }
    return createProxy({ ws_proxy: [listener] }, { log: this.#log })
  }

  #set(settings: Partial<ListenerConfig>): this {
    Object.assign(this.#settings, settings)
    return this
  }
}
