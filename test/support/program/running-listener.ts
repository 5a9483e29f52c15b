/** A running listener with the given settings, observer and clock, without a proxy around it. */
import type { Test } from "tap"
import { formatAddress } from "../../../lib/address/address.js"
import type { ListenerConfig } from "../../../lib/config/listener-schema.js"
import type { Observer } from "../../../lib/ops/observer.js"
import { Observers } from "../../../lib/ops/observer.js"
import type { ListenerRows } from "../../../lib/proxy/listener-rows.js"
import { Plan } from "../../../lib/proxy/plan.js"
import { RunningListener } from "../../../lib/proxy/running-listener.js"
import type { ListenerSettings } from "../../../lib/session/listener-state.js"
import type { Clock } from "../../../lib/shared/clock.js"

export interface ListenerParts {
  readonly config?: Partial<ListenerConfig>
  readonly settings?: Partial<ListenerSettings>
  readonly observer?: Partial<Observer>
  readonly clock?: Clock
}

/** Listens on a free port of 127.0.0.1, with a dead backend unless the config names others. */
export async function startListener(
  t: Test,
  { config, settings, observer = {}, clock }: ListenerParts = {},
): Promise<{ listener: RunningListener; rows: ListenerRows; address: string }> {
  const observers = new Observers([observer])
  const written = { ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:1"], ...config }] }
  const [planned] = new Plan(written, observers, undefined, { ...(clock && { clock }) }).listeners
  if (!(planned?.running instanceof RunningListener)) throw new Error("no listener in this thread")
  const { running: listener, rows } = planned
  listener.apply({ ...planned.settings, ...settings }, rows)
  await listener.listen()
  t.teardown(() => {
    listener.sessions.cutAll("drain_timeout")
    listener.sweep.stop()
    return listener.drain(0)
  })
  return { listener, rows, address: formatAddress(listener.address) }
}
