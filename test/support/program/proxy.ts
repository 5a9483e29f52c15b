/** A proxy in the process of the test, on a free port, closed when the test ends. */
import { type EventEmitter, once } from "node:events"
import { pino } from "pino"
import type { Test } from "tap"
import type { ListenerConfig } from "../../../lib/config/listener-schema.js"
import { createProxy, type EndedSession, type RefusedSession, type RunningProxy } from "../../../lib/index.js"
import type { ProxyEvents } from "../../../lib/proxy/session-events.js"
import { upgradeHead } from "../http/heads.js"
import { RawPeer } from "../peers/raw-peer.js"

/** Short enough that a test of a deadline is quick, long enough for a slow machine. */
export const SHORT_MS = 150

export type Settings = Partial<ListenerConfig> & Pick<ListenerConfig, "backends">

export async function startProxy(t: Test, settings: Settings): Promise<RunningProxy> {
  const log = pino({ level: "silent" })
  const proxy = await createProxy({ ws_proxy: [{ bind: "127.0.0.1:0", ...settings }] }, { log })
  t.teardown(() => proxy.close(0))
  return proxy
}

/** A `RunningProxy`, or one on a clock of the test. */
export interface ServingProxy extends EventEmitter<ProxyEvents> {
  address(): string
}

/** A raw client with an open tunnel. `received` begins with the head of the 101. */
export async function openTunnel(proxy: ServingProxy, head = upgradeHead()): Promise<RawPeer> {
  const client = await RawPeer.connect(proxy.address())
  client.write(head)
  return client.untilText("\r\n\r\n")
}

/** Waits for the next session that ends and was not refused by rws. */
export async function nextEnd(proxy: ServingProxy): Promise<Readonly<EndedSession>> {
  const [summary] = await once(proxy, "end")
  return summary
}

/** Waits for the next session that is refused. */
export async function nextRefusal(proxy: ServingProxy): Promise<Readonly<RefusedSession>> {
  const [summary] = await once(proxy, "refuse")
  return summary
}
