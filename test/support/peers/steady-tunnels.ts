/** A client that opens a tunnel every few milliseconds and counts those that fail. */
import { setTimeout } from "node:timers/promises"
import { upgradeHead } from "../http/heads.js"
import { RawPeer } from "./raw-peer.js"

const PAUSE_MS = 5

export interface SteadyTunnels {
  /** Tunnels through which an echo has come back so far. */
  readonly opened: number
  /** Resolves once this many more tunnels have been opened. */
  untilMore(tunnels: number): Promise<void>
  /** Opens no more. Resolves to what went wrong with each that failed, once all others are through. */
  stop(): Promise<string[]>
}

/** Opens tunnels to an echo backend, without waiting for the ones before. */
export function openSteadily(address: string): SteadyTunnels {
  const failures: string[] = []
  const tunnels: Promise<void>[] = []
  let opened = 0
  const stopped = new AbortController()
  const run = async () => {
    while (!stopped.signal.aborted) {
      const tunnel = openTunnel(address)
      tunnels.push(
        tunnel.then(
          () => void opened++,
          (error: unknown) => void failures.push(String(error)),
        ),
      )
      await setTimeout(PAUSE_MS)
    }
  }
  const running = run()
  return {
    get opened() {
      return opened
    },
    async untilMore(more) {
      const wanted = opened + more
      while (opened < wanted && failures.length === 0) await setTimeout(PAUSE_MS)
    },
    async stop() {
      stopped.abort()
      await running
      await Promise.all(tunnels)
      return failures
    },
  }
}

async function openTunnel(address: string): Promise<void> {
  // A client that is refused closes too.
  const client = await RawPeer.connect(address, { allowHalfOpen: false })
  try {
    await client.write(upgradeHead()).untilText("101 Switching Protocols")
    await client.untilText("\r\n\r\n")
    await client.write("hello").untilText("\r\n\r\nhello")
    client.socket.end()
    await client.untilEnd()
  } finally {
    client.socket.destroy()
  }
}
