/**
 * Keys of nginx, HAProxy, Caddy, Traefik, Envoy and http-proxy that their users write into a `[[ws_proxy]]`.
 * Each is answered by our key, with its table where that is another one, or by a sentence that says why there
 * is none.
 */
import t from "tap"
import { checkConfig } from "../../lib/config/load.js"
import { ConfigError } from "../../lib/config/problem.js"
import { thrownBy } from "../support/project/thrown.js"

const NO_TLS = /^rws does not terminate TLS: put a TLS terminator in front;/
const NOT_NEEDED = /^not needed: /
const NOT_SUPPORTED = /^not supported: /
const NO_AUTH = /^rws checks no passwords: /
const EACH_TIMEOUT = /^rws has a key for each: connect_timeout_ms, read_timeout_ms, .*idle_timeout_ms$/
const LOG_LINE = /^not supported: a line is a JSON object; see \[log\]$/

/** By program: each name with our key, or with what is said in its place. */
const names: Readonly<Record<string, Readonly<Record<string, string | RegExp>>>> = {
  nginx: {
    listen: "bind",
    server_name: "host in [[ws_proxy.route]]",
    location: "route",
    proxy_pass: "backends",
    upstream: "backends",
    proxy_http_version: NOT_NEEDED,
    proxy_set_header: "request_headers",
    proxy_hide_header: "response_headers",
    add_header: "response_headers",
    proxy_read_timeout: "idle_timeout_ms",
    proxy_send_timeout: "idle_timeout_ms",
    send_timeout: "idle_timeout_ms",
    proxy_connect_timeout: "connect_timeout_ms",
    proxy_timeout: "idle_timeout_ms",
    client_header_timeout: "read_timeout_ms",
    large_client_header_buffers: "max_head_bytes",
    client_max_body_size: NOT_NEEDED,
    keepalive_timeout: NOT_NEEDED,
    proxy_buffering: NOT_NEEDED,
    proxy_buffer_size: NOT_NEEDED,
    proxy_next_upstream: "max_tries",
    proxy_next_upstream_tries: "max_tries",
    proxy_bind: "local_addresses",
    proxy_ssl_verify: "insecure_skip_verify in tls",
    proxy_ssl_name: "server_name in tls",
    proxy_ssl_certificate: "cert in tls",
    proxy_ssl_certificate_key: "key in tls",
    proxy_ssl_trusted_certificate: "ca in tls",
    set_real_ip_from: "trusted_proxies",
    real_ip_header: NOT_NEEDED,
    real_ip_recursive: NOT_NEEDED,
    ssl_certificate: NO_TLS,
    ssl_certificate_key: NO_TLS,
    ssl_protocols: NO_TLS,
    least_conn: /^use balance = "least_connections"$/,
    ip_hash: /^use balance = "hash" with hash_key = "client_ip"$/,
    hash: "hash_key",
    fail_timeout: "fail_timeout_ms",
    max_conns: "max_connections",
    limit_conn: "max_connections_per_ip",
    limit_req: "rate_per_ip",
    limit_rate: NOT_SUPPORTED,
    resolver: NOT_NEEDED,
    access_log: "file in [log]",
    error_log: "file in [log]",
    log_format: LOG_LINE,
    pid: "pid_file at the top level",
    auth_request: "forward_auth",
    auth_jwt: "jwt",
    auth_basic: NO_AUTH,
    allow: NOT_SUPPORTED,
    deny: NOT_SUPPORTED,
    proxy_socket_keepalive: "keepalive_ms",
    tcp_nodelay: NOT_NEEDED,
    worker_connections: "max_connections",
    worker_shutdown_timeout: "drain_timeout_ms",
    return: NOT_SUPPORTED,
  },
  HAProxy: {
    frontend: "ws_proxy at the top level",
    default_backend: "pool",
    use_backend: "pool",
    acl: "route",
    mode: NOT_NEEDED,
    option: NOT_SUPPORTED,
    timeout: EACH_TIMEOUT,
    maxconn: "max_connections",
    cookie: "sticky_cookie",
    retries: "max_tries",
    redispatch: "max_tries",
    forwardfor: "forwarded",
    httpchk: "health_check",
    timeout_tunnel: "idle_timeout_ms",
    timeout_client: "idle_timeout_ms",
    timeout_server: "idle_timeout_ms",
    timeout_connect: "connect_timeout_ms",
    timeout_http_request: "read_timeout_ms",
    timeout_client_fin: "half_close_timeout_ms",
    timeout_queue: NOT_SUPPORTED,
    timeout_check: "timeout_ms in health_check",
    inter: "interval_ms in health_check",
    rise: "healthy_threshold in health_check",
    fall: "unhealthy_threshold in health_check",
    "send-proxy-v2": "send_proxy_protocol",
    "accept-proxy": "accept_proxy_protocol",
    "http-request": "request_headers",
    "http-response": "response_headers",
    "stick-table": "sticky_cookie",
    "hard-stop-after": "drain_timeout_ms",
    crt: NO_TLS,
    slowstart: "slow_start_ms",
  },
  Caddy: {
    reverse_proxy: "backends",
    to: "backends",
    lb_policy: "balance",
    lb_retries: "max_tries",
    lb_try_duration: NOT_SUPPORTED,
    health_uri: "path in health_check",
    health_interval: "interval_ms in health_check",
    health_timeout: "timeout_ms in health_check",
    health_status: "expect_status in health_check",
    health_port: NOT_SUPPORTED,
    fail_duration: "fail_timeout_ms",
    unhealthy_request_count: "max_connections",
    header_up: "request_headers",
    header_down: "response_headers",
    stream_timeout: "idle_timeout_ms",
    stream_close_delay: "drain_timeout_ms",
    flush_interval: NOT_NEEDED,
    dial_timeout: "connect_timeout_ms",
    response_header_timeout: "handshake_timeout_ms",
    read_timeout: "read_timeout_ms",
    write_timeout: "idle_timeout_ms",
    handle_path: "route",
    tls_server_name: "server_name in tls",
    tls_insecure_skip_verify: "insecure_skip_verify in tls",
    basic_auth: NO_AUTH,
    grace_period: "drain_timeout_ms",
    max_header_size: "max_head_bytes",
  },
  Traefik: {
    entryPoints: "ws_proxy at the top level",
    routers: "route",
    services: "pool",
    loadBalancer: "balance",
    middlewares:
      /^not supported as a list: each rule is a key of a \[\[ws_proxy\]\] or of a \[\[ws_proxy\.route\]\]$/,
    rule: "route",
    PathPrefix: "path in [[ws_proxy.route]]",
    stripPrefix: "strip_prefix in [[ws_proxy.route]]",
    replacePath: "rewrite in [[ws_proxy.route]]",
    passHostHeader: "host_header",
    url: /^unknown key here; belongs in forward_auth or in \[registry.NAME\]$/,
    forwardedHeaders: "trusted_proxies",
    trustedIPs: "trusted_proxies",
    respondingTimeouts: EACH_TIMEOUT,
    idleTimeout: "idle_timeout_ms",
    readTimeout: "read_timeout_ms",
    dialTimeout: "connect_timeout_ms",
    responseHeaderTimeout: "handshake_timeout_ms",
    serversTransport: "tls",
    rootCAs: "ca in tls",
    insecureSkipVerify: "insecure_skip_verify in tls",
    rateLimit: "rate_per_ip",
    inFlightReq: "max_connections_per_ip",
    forwardAuth: "forward_auth",
    ipAllowList: NOT_SUPPORTED,
    customRequestHeaders: "request_headers",
    accessControlAllowOriginList: "allowed_origins",
    certResolver: NO_TLS,
    sticky: "sticky_cookie",
    healthCheck: "health_check",
  },
  Envoy: {
    filter_chains: "ws_proxy at the top level",
    clusters: "pool",
    virtual_hosts: "route",
    domains: "host in [[ws_proxy.route]]",
    prefix_rewrite: "rewrite in [[ws_proxy.route]]",
    host_rewrite_literal: "host_header",
    upgrade_configs: NOT_NEEDED,
    stream_idle_timeout: "idle_timeout_ms",
    max_connection_duration: "max_lifetime_ms",
    request_headers_timeout: "read_timeout_ms",
    connect_timeout: "connect_timeout_ms",
    lb_policy: "balance",
    outlier_detection: "max_fails",
    circuit_breakers: "max_connections",
    max_pending_requests: "max_pending",
    use_remote_address: "trusted_proxies",
    xff_num_trusted_hops: "trusted_proxies",
    transport_socket: "tls",
    request_headers_to_add: "request_headers",
    response_headers_to_remove: "response_headers",
    retry_policy: "max_tries",
    hash_policy: "hash_key",
    ext_authz: "forward_auth",
    tcp_keepalive: "keepalive_ms",
  },
  "http-proxy": {
    target: "backends",
    ws: NOT_NEEDED,
    ssl: NO_TLS,
    xfwd: "forwarded",
    secure: "insecure_skip_verify in tls",
    changeOrigin: "host_header",
    prependPath: /^put the path behind the backend's address, as in ws:\/\/host:port\/base$/,
    pathRewrite: "rewrite in [[ws_proxy.route]]",
    localAddress: "local_addresses",
    proxyTimeout: "idle_timeout_ms",
    auth: NO_AUTH,
    hostRewrite: "host_header",
    headers: "request_headers",
    followRedirects: NOT_SUPPORTED,
    preserveHeaderKeyCase: NOT_NEEDED,
    router: "route",
  },
}

const LISTENER = { bind: "127.0.0.1:8080", backends: ["127.0.0.1:9000"] }

function messageFor(config: object): string | undefined {
  const error = thrownBy(() => checkConfig(config))
  if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
  if (error.problems.length !== 1) throw error
  return error.problems[0]?.message
}

for (const [program, keys] of Object.entries(names)) {
  for (const [name, meant] of Object.entries(keys)) {
    t.test(`the hint for ${name} of ${program} is ${meant}`, async (t) => {
      const message = messageFor({ ws_proxy: [{ ...LISTENER, [name]: 1 }] }) ?? ""
      const advice = message.replace(/^unknown key; /, "")
      if (typeof meant !== "string") t.match(advice, meant)
      else t.equal(advice.replace(/^did you mean "(.*?)"(.*)\?$/, "$1$2"), meant)
    })
  }
}

/** Keys of ours, in tables that don't have them. */
const misplaced: readonly { title: string; config: object; message: string }[] = [
  {
    title: "a listener's key in a route",
    config: { ws_proxy: [{ ...LISTENER, route: [{ path: "/a", idle_timeout_ms: 1 }] }] },
    message: "unknown key here; belongs in [[ws_proxy]]",
  },
  {
    title: "a listener's key in a route, by another name",
    config: { ws_proxy: [{ ...LISTENER, route: [{ path: "/a", proxy_read_timeout: 1 }] }] },
    message: 'unknown key; did you mean "idle_timeout_ms" in [[ws_proxy]]?',
  },
  {
    title: "a listener's key in a route, misspelt",
    config: { ws_proxy: [{ ...LISTENER, route: [{ path: "/a", conect_timeout_ms: 1 }] }] },
    message: 'unknown key; did you mean "connect_timeout_ms" in [[ws_proxy]]?',
  },
  {
    title: "a listener's key at the top level",
    config: { ws_proxy: [LISTENER], bind: "127.0.0.1:8081" },
    message: "unknown key here; belongs in [[ws_proxy]] or in [admin]",
  },
  {
    title: "a pool's key at the top level",
    config: { ws_proxy: [LISTENER], balance: "random" },
    message: "unknown key here; belongs in [[ws_proxy]], in [[ws_proxy.route]] or in [pool.NAME]",
  },
  {
    title: "a route's key in a listener",
    config: { ws_proxy: [{ ...LISTENER, rewrite: "/a" }] },
    message: "unknown key here; belongs in [[ws_proxy.route]]",
  },
  {
    title: "a backend's key in a pool",
    config: { ws_proxy: [LISTENER], pool: { a: { backends: ["a:1"], weight: 2 } } },
    message: "unknown key here; belongs in a backend's table",
  },
  {
    title: "a key of tls in a pool",
    config: { ws_proxy: [LISTENER], pool: { a: { backends: ["a:1"], ca: "ca.pem" } } },
    message: "unknown key here; belongs in tls",
  },
  {
    title: "a key of health_check in a pool, with another unit",
    config: { ws_proxy: [LISTENER], pool: { a: { backends: ["a:1"], interval: 2 } } },
    message: 'unknown key; did you mean "interval_ms" in health_check?',
  },
  {
    title: "a server_name of nginx in a route",
    config: { ws_proxy: [{ ...LISTENER, route: [{ server_name: "a" }] }] },
    message: 'unknown key; did you mean "host"?',
  },
  {
    title: "add in place of set",
    config: { ws_proxy: [{ ...LISTENER, request_headers: { add: {} } }] },
    message: 'unknown key; did you mean "set"?',
  },
]

for (const { title, config, message } of misplaced) {
  t.test(`the error for ${title} names its place`, async (t) => {
    t.equal(messageFor(config), message)
  })
}

t.test("tls in a listener is for its wss:// backends, and the error says so", async (t) => {
  const message = messageFor({ ws_proxy: [{ ...LISTENER, tls: true }] })
  t.match(message, /wss:\/\/ backends; rws does not terminate TLS: put a TLS terminator in front$/)
})
