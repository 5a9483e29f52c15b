/** What other proxies call our keys and values: their users are told ours. All in lower case, without `_` and `-`. */

/** The first of ours that there is in the table where the name stands. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  listen: ["bind"],
  listenaddr: ["bind"],
  address: ["bind", "address"],
  addr: ["bind", "address"],
  url: ["address"],
  server: ["address", "ws_proxy"],
  host: ["address", "host"],
  upstream: ["backends", "pool"],
  upstreams: ["backends", "pool"],
  backend: ["backends", "pool"],
  servers: ["backends", "ws_proxy"],
  targets: ["backends"],
  target: ["backends"],
  proxy: ["ws_proxy"],
  listener: ["ws_proxy"],
  cluster: ["pool"],
  pools: ["pool"],
  location: ["route"],
  locations: ["route"],
  routes: ["route"],
  rules: ["route"],
  pathprefix: ["path"],
  prefix: ["path"],
  headers: ["header"],
  method: ["balance"],
  strategy: ["balance"],
  policy: ["balance"],
  algorithm: ["balance"],
  loadbalance: ["balance"],
  loadbalancer: ["balance"],
  lbpolicy: ["balance"],
  lbmethod: ["balance"],
  hashby: ["hash_key"],
  headerhashkey: ["hash_key"],
  sticky: ["sticky_cookie"],
  cookie: ["sticky_cookie"],
  retries: ["max_tries"],
  lbtries: ["max_tries"],
  interval: ["interval_ms"],
  uri: ["path"],
  healthcheck: ["health_check"],
  fall: ["unhealthy_threshold"],
  rise: ["healthy_threshold"],
  fails: ["unhealthy_threshold"],
  passes: ["healthy_threshold"],
  sendproxy: ["send_proxy_protocol"],
  proxyprotocol: ["accept_proxy_protocol", "send_proxy_protocol"],
  acceptproxy: ["accept_proxy_protocol"],
  setrealipfrom: ["trusted_proxies"],
  trustedips: ["trusted_proxies"],
  trustproxy: ["trusted_proxies"],
  maxconn: ["max_connections"],
  maxconns: ["max_connections"],
  ratelimit: ["rate_per_ip"],
  burst: ["rate_burst"],
  origins: ["allowed_origins"],
  alloworigins: ["allowed_origins"],
  sni: ["server_name"],
  insecure: ["insecure_skip_verify"],
  cafile: ["ca"],
  certfile: ["cert"],
  keyfile: ["key"],
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

/** Our key for this name, if one of the keys that there are is meant by it. */
export function keyFor(name: string, known: readonly string[]): string | undefined {
  const plain = toPlain(name)
  const ours = Object.hasOwn(KEYS, plain) ? KEYS[plain] : []
  return ours?.find((key) => known.includes(key)) ?? keyInMilliseconds(plain, known)
}

/** Our word for this value, if one of the words that there are is meant by it. */
export function wordFor(value: string, known: readonly string[]): string | undefined {
  const plain = toPlain(value)
  const ours = Object.hasOwn(VALUES, plain) ? VALUES[plain] : undefined
  return known.find((word) => word === ours || toPlain(word) === plain)
}

/** Others count seconds, or leave the unit to the value. */
function keyInMilliseconds(plain: string, known: readonly string[]): string | undefined {
  const stem = plain.replace(/(?:seconds|secs|sec|s|ms|millis)$/, "")
  return known.find((key) => key.endsWith("_ms") && toPlain(key.slice(0, -"_ms".length)) === stem)
}

function toPlain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "")
}
