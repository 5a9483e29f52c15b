/** A proxy with one listener, whose clock stands still until the test advances it. */
import { EventEmitter } from "node:events"
import type { Test } from "tap"
import { type ProxyEvents, SessionEvents } from "../../../lib/proxy/session-events.js"
import { FakeClock } from "../clock/fake-clock.js"
import { turnUntil } from "../pool/turns.js"
import type { ServingProxy, Settings } from "./proxy.js"
import { startListener } from "./running-listener.js"

/** Its deadlines pass only when the test advances the clock. Sockets and name lookups work as usual. */
export interface ClockedProxy extends ServingProxy {
  readonly clock: FakeClock
  /** As `RunningProxy.close`. */
  close(timeoutMs?: number): Promise<void>
  /** Waits until this many sessions exist. */
  untilSessions(count: number): Promise<void>
}

/** Listens on a free port. The proxy is closed when the test ends. */
export async function startClockedProxy(t: Test, settings: Settings): Promise<ClockedProxy> {
  const clock = new FakeClock()
  const events = new EventEmitter<ProxyEvents>()
  const observer = new SessionEvents(events)
  const { listener, address } = await startListener(t, { config: settings, observer, clock })
  return Object.assign(events, {
    clock,
    address: () => address,
    close: (timeoutMs = listener.settings.drain_timeout_ms) => listener.drain(timeoutMs),
    untilSessions: (count: number) => turnUntil(() => listener.sessions.size === count, `${count} sessions`),
  })
}
