/** Starts and controls `measured-proxy.ts`. */
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Test } from "tap"
import type { Measure, Order } from "./measured-proxy.js"
import type { Settings } from "./proxy.js"

const MEASURED_PROXY = fileURLToPath(new URL("./measured-proxy.js", import.meta.url))

export interface ForkedProxy {
  /** `127.0.0.1:PORT`. */
  readonly address: string
  /** Measured before the proxy was created. */
  readonly before: Measure
  order(what: Order): Promise<Measure>
}

/** Starts a proxy in its own process, which is killed when the test ends. */
export async function forkProxy(t: Test, settings: Settings): Promise<ForkedProxy> {
  const child = fork(MEASURED_PROXY, [JSON.stringify(settings)], { execArgv: ["--expose-gc"] })
  t.teardown(() => child.kill())
  const [{ address, before }] = (await once(child, "message")) as [{ address: string; before: Measure }]
  return {
    address,
    before,
    async order(what) {
      child.send(what)
      const [measure] = (await once(child, "message")) as [Measure]
      return measure
    },
  }
}
