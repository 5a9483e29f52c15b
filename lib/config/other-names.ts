/**
 * Names and values of nginx, HAProxy, Caddy, Traefik, Envoy and http-proxy that stand for no key of rws. The
 * names that do stand for one are in the schema, with that key (`otherNames`). All names here are plain: see
 * `toPlain`.
 */
import { NO_TERMINATION } from "../settings/tls-advice.js"

const TLS = `${NO_TERMINATION}; for TLS to backends use wss:// and the table tls`
const NO_AUTH = "rws checks no passwords: see forward_auth and jwt; a 401 of the backend is passed on"
const NO_HTTP = "not supported: rws serves no HTTP, only WebSocket upgrades"
const NO_BUFFERS = "not needed: rws buffers no messages, and a slow reader slows down the sender"
const HTTP_1_1 = "not needed: rws speaks HTTP/1.1 on both sides and passes the upgrade on"
const ONE_SESSION = "not needed: a connection carries one session; see idle_timeout_ms and keepalive_ms"
const RESOLVED = "not needed: names are resolved by the system, anew for each connection"
const LOGGED = "not supported: a line is a JSON object; see [log]"
const NO_ADDRESS_LIST = "not supported: put a firewall in front, or see allowed_origins"
const NO_QUEUE = "not supported: without a free backend the client gets a 503 at once"
const NO_OBSERVING = "not supported: backends are judged by failed attempts (fail_on) and health_check"
const TIMEOUTS =
  "rws has a key for each: connect_timeout_ms, read_timeout_ms, handshake_timeout_ms and idle_timeout_ms"
const BY_LISTENER = "rws has no shared defaults: each [[ws_proxy]] has its own keys"
const BY_SERVICE = "not supported: leave it to the service manager, as systemd or PM2"
const RAW_BYTES = "not needed: rws keeps the order, case and bytes of header fields"
const ALWAYS_TOLD =
  "not needed: a PROXY header or X-Forwarded-For of trusted_proxies tells the client's address"

/** What is said about names that stand for no key. */
const SENTENCES: Readonly<Record<string, string>> = {
  global: BY_LISTENER,
  defaults: BY_LISTENER,
  events: BY_LISTENER,
  zone: "not needed: all connections share one state",
  resolver: RESOLVED,
  resolvers: RESOLVED,
  dynamic: RESOLVED,
  dnslookupfamily: RESOLVED,
  dnsrefreshrate: RESOLVED,
  prependpath: "put the path behind the backend's address, as in ws://host:port/base",
  middlewares: "not supported as a list: each rule is a key of a [[ws_proxy]] or of a [[ws_proxy.route]]",
  return: NO_HTTP,
  root: NO_HTTP,
  tryfiles: NO_HTTP,
  index: NO_HTTP,
  gzip: NO_HTTP,
  redirect: NO_HTTP,
  compress: NO_HTTP,
  proxycache: NO_HTTP,
  proxyredirect: NO_HTTP,
  followredirects: "not supported: a redirect of the backend is passed on to the client",
  leastconn: 'use balance = "least_connections"',
  iphash: 'use balance = "hash" with hash_key = "client_ip"',
  random: 'use balance = "random"',
  lbtryduration: "not supported: connect_timeout_ms bounds one dial, and max_tries how many there are",
  lbtryinterval: "not needed: the next backend is dialled at once",
  timeoutqueue: NO_QUEUE,
  queue: NO_QUEUE,
  maxqueue: NO_QUEUE,
  healthport: "not supported: a check goes to the backend's own port",
  healthbody: "not supported: a check looks at the status only",
  unhealthylatency: NO_OBSERVING,
  timeouts: TIMEOUTS,
  respondingtimeouts: TIMEOUTS,
  forwardingtimeouts: TIMEOUTS,
  keepalivetimeout: ONE_SESSION,
  keepaliverequests: ONE_SESSION,
  idleconntimeout: ONE_SESSION,
  timeouthttpkeepalive: ONE_SESSION,
  maxidleconnsperhost: ONE_SESSION,
  tcpnodelay: "not needed: it is always on",
  nodelay: "not needed: TCP_NODELAY is always on",
  limitrate: "not supported: rws limits connections, not bytes",
  proxybuffering: NO_BUFFERS,
  proxybuffers: NO_BUFFERS,
  proxybuffersize: NO_BUFFERS,
  proxyrequestbuffering: NO_BUFFERS,
  flushinterval: NO_BUFFERS,
  requestbuffers: NO_BUFFERS,
  responsebuffers: NO_BUFFERS,
  perconnectionbufferlimitbytes: NO_BUFFERS,
  clientmaxbodysize: "not needed: an upgrade request has no body",
  realipheader: ALWAYS_TOLD,
  realiprecursive: ALWAYS_TOLD,
  authbasic: NO_AUTH,
  basicauth: NO_AUTH,
  auth: NO_AUTH,
  allow: NO_ADDRESS_LIST,
  deny: NO_ADDRESS_LIST,
  ipallowlist: NO_ADDRESS_LIST,
  ipwhitelist: NO_ADDRESS_LIST,
  preserveheaderkeycase: RAW_BYTES,
  ignoreinvalidheaders: "not supported: an invalid request is refused",
  upgrade: HTTP_1_1,
  upgradeconfigs: HTTP_1_1,
  proxyhttpversion: HTTP_1_1,
  ws: HTTP_1_1,
  websocket: HTTP_1_1,
  mode: HTTP_1_1,
  option: "not supported: rws has no options, only keys; see the README",
  http2: "not supported: rws speaks HTTP/1.1 only",
  user: BY_SERVICE,
  group: BY_SERVICE,
  daemon: BY_SERVICE,
  chroot: BY_SERVICE,
  include: "not supported: the configuration is one file",
  logformat: LOGGED,
}

/**
 * The same in the tables that face the client: the top level, listeners and routes. They win over all keys
 * elsewhere.
 */
const IN_FRONT: Readonly<Record<string, string>> = {
  timeout: TIMEOUTS,
  tls: TLS,
  ssl: TLS,
  https: TLS,
  ca: TLS,
  cert: TLS,
  certs: TLS,
  certificate: TLS,
  certificates: TLS,
  certresolver: TLS,
  crt: TLS,
  key: TLS,
  pfx: TLS,
  alpn: TLS,
  cafile: TLS,
  certfile: TLS,
  keyfile: TLS,
  sslcertificate: TLS,
  sslcertificatekey: TLS,
  sslprotocols: TLS,
  sslciphers: TLS,
  downstreamtlscontext: TLS,
}

const VALUES: Readonly<Record<string, string>> = {
  leastconn: "least_connections",
  leastconnection: "least_connections",
  leastrequest: "least_connections",
  wrr: "round_robin",
  weightedroundrobin: "round_robin",
  weighted: "round_robin",
  p2c: "random",
  randomchoose: "random",
  weightedrandom: "random",
  iphash: "hash",
  headerhash: "hash",
  urihash: "hash",
  cookiehash: "hash",
  consistenthash: "hash",
  ringhash: "hash",
  maglev: "hash",
  source: "hash",
  websocket: "ws",
  https: "http",
  none: "off",
  both: "both",
}

/** What to say about the name of another program that stands for no key */
export function sentenceFor(name: string): string | undefined {
  const plain = toPlain(name)
  return Object.hasOwn(SENTENCES, plain) ? SENTENCES[plain] : undefined
}

/** The same for a table that faces the client. */
export function frontSentenceFor(name: string): string | undefined {
  const plain = toPlain(name)
  return Object.hasOwn(IN_FRONT, plain) ? IN_FRONT[plain] : undefined
}

/** Our word for this value, if one of the words that there are is meant by it. */
export function wordFor(value: string, known: readonly string[]): string | undefined {
  const plain = toPlain(value)
  const ours = Object.hasOwn(VALUES, plain) ? VALUES[plain] : undefined
  return known.find((word) => word === ours || toPlain(word) === plain)
}

/** Spellings of one name are equal in this form: lower case, without separators. */
export function toPlain(name: string): string {
  return name.toLowerCase().replace(/[_\-.\s]/g, "")
}
