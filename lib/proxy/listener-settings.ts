/** Makes the settings of a listener from its configuration. */
import type { ListenerConfig, PlaceConfig } from "../config/schema.js"
import { TrustedProxies } from "../forwarding/trusted-proxies.js"
import type { PoolRuntime } from "../pool/pool-runtime.js"
import type { ListenerSettings } from "../session/listener-state.js"
import { toRouter } from "../session/route-target.js"

/** Name in logs and events. */
export function listenerName({ name, bind }: ListenerConfig): string {
  return name ?? bind
}

/**
 * @param own the listener's own pool, for requests that no route matches
 * @param poolOf the pool that a route names or has of its own, if any; `title` is its name in the log
 */
export function toListenerSettings(
  config: ListenerConfig,
  own: PoolRuntime | undefined,
  poolOf: (place: PlaceConfig, title: string) => PoolRuntime | undefined,
): ListenerSettings {
  return {
    name: listenerName(config),
    router: toRouter(config, own, poolOf),
    ownPool: own?.pool,
    trustedProxies: new TrustedProxies(config.trusted_proxies),
    acceptsProxyProtocol: config.accept_proxy_protocol,
    forwarded: config.forwarded,
    maxHeadBytes: config.max_head_bytes,
    readTimeoutMs: config.read_timeout_ms,
    connectTimeoutMs: config.connect_timeout_ms,
    handshakeTimeoutMs: config.handshake_timeout_ms,
    tunnel: {
      idleTimeoutMs: config.idle_timeout_ms,
      halfCloseTimeoutMs: config.half_close_timeout_ms,
      keepaliveMs: config.keepalive_ms,
    },
    drainTimeoutMs: config.drain_timeout_ms,
  }
}
