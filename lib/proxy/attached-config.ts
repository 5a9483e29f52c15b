/**
 * The configuration of a handler that is attached to a server: that of a proxy, without what the server does.
 */
import type { ListenerConfig } from "../config/listener-schema.js"
import { checkConfig } from "../config/load.js"
import { ConfigError, type ConfigProblem } from "../config/problem.js"
import type { Config } from "../config/schema.js"
import { snapshot } from "../config/snapshot.js"
import type { BackendInput } from "../pool/backend-settings.js"
import { Pool } from "../pool/pool.js"
import { isTable, toTable, toTables } from "../settings/table.js"

const OF_SERVER = "belongs to the server that the handler is attached to"

/** Why the keys of a `[[ws_proxy]]` that need an address of its own are refused. */
const NOT_ATTACHED = {
  bind: OF_SERVER,
  bind_mode: OF_SERVER,
  reuse_port: OF_SERVER,
  read_timeout_ms: `${OF_SERVER}: set its headersTimeout`,
  accept_proxy_protocol: "has no effect: the server has read the request already",
  status_path: "has no effect: the server gets all requests that are not upgrades",
} as const

/** Why keys at the top of a configuration are refused. */
const NOT_EMBEDDED = {
  workers: "has no effect: the server's sockets can't be passed to worker threads",
  pid_file: "is for the rws program",
  watch: "is for the rws program: call reload()",
} as const

/** A `[[ws_proxy]]` without the keys that belong to the server. */
export type AttachedListenerConfig = Omit<ListenerConfig, keyof typeof NOT_ATTACHED>

/** A whole configuration, with pools and other tables, and with exactly one `[[ws_proxy]]`. */
export interface AttachedConfig extends Omit<Config, "ws_proxy" | keyof typeof NOT_EMBEDDED> {
  readonly ws_proxy: readonly AttachedListenerConfig[]
}

/** What a handler may be made from; anything but a configuration names its backends. */
export type AttachedInput =
  | AttachedConfig
  | AttachedListenerConfig
  | Pool
  | string
  | URL
  | readonly BackendInput[]

/** Stands in for the address, and is the same at each reload, so that the listener stays. Never bound. */
const NO_ADDRESS = "attached:1"

/** The name of the listener in logs and events by default. */
const NAME = "attached"

/**
 * The configuration of the proxy behind a handler.
 * @throws {ConfigError} with all problems of the configuration, those of the proxy's included
 */
export function toProxyConfig(input: AttachedInput): Config {
  const written = toWhole(input)
  const listeners = toTables(written.ws_proxy)
  const config = {
    ...written,
    ws_proxy: listeners.slice(0, 1).map(([, listener]) => ({
      ...listener,
      name: listener.name ?? NAME,
      bind: NO_ADDRESS,
    })),
  }
  const problems = [
    ...refusedIn(written, [], NOT_EMBEDDED),
    ...listeners.flatMap(([index, listener]) => refusedIn(listener, ["ws_proxy", index], NOT_ATTACHED)),
  ]
  if (listeners.length > 1) {
    problems.push({
      path: ["ws_proxy", 1],
      message: "one handler has one [[ws_proxy]]: make another handler",
    })
  }
  return checked(config, problems)
}

function toWhole(input: unknown): Readonly<Record<string, unknown>> {
  if (typeof input === "string" || input instanceof URL) return { ws_proxy: [{ backends: [input] }] }
  if (input instanceof Pool || Array.isArray(input)) return { ws_proxy: [{ backends: input }] }
  return isTable(input) && "ws_proxy" in input ? input : { ws_proxy: [toTable(input)] }
}

function refusedIn(
  table: Readonly<Record<string, unknown>>,
  path: ConfigProblem["path"],
  refused: Readonly<Record<string, string>>,
): ConfigProblem[] {
  return Object.entries(refused).flatMap(([key, message]) =>
    table[key] === undefined ? [] : [{ path: [...path, key], message }],
  )
}

/** Reports these problems together with those that the configuration has as that of a proxy. */
function checked(config: unknown, problems: readonly ConfigProblem[]): Config {
  try {
    const valid = checkConfig(snapshot(config as Config))
    if (problems.length === 0) return valid
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const known = new Set(problems.map(({ path }) => path.join()))
    const others = error.problems.filter(({ path }) => !known.has(path.join()))
    throw new ConfigError(error.source, [...problems, ...others], error.hints)
  }
  throw new ConfigError("configuration", problems)
}
