/** Clients that know whether they hold a place. */
import { upgradeHead } from "../http/heads.js"
import { RawPeer } from "./raw-peer.js"

/** Sends an upgrade request and waits for the head of the response, or for the end of the connection. */
export async function attempt(address: string, localAddress = "127.0.0.1"): Promise<Attempt> {
  const peer = await RawPeer.connect(address, { localAddress })
  peer.write(upgradeHead())
  await peer.until(({ text, closed, ended }) => text.includes("\r\n\r\n") || closed || ended)
  return new Attempt(peer)
}

export class Attempt {
  constructor(readonly peer: RawPeer) {}

  /** Of the response; NaN if the connection has ended without one. */
  get status(): number {
    return Number(this.peer.text.slice("HTTP/1.1 ".length, "HTTP/1.1 101".length) || Number.NaN)
  }

  /** Value of a field of the response. */
  field(name: string): string | undefined {
    return new RegExp(`^${name}: (.*)\r$`, "im").exec(this.peer.text)?.[1]
  }

  /** Closes by FIN or by a reset. */
  async close(byReset = false): Promise<void> {
    const { peer } = this
    if (byReset) peer.socket.resetAndDestroy()
    else peer.socket.end()
    if (!peer.closed) await peer.untilClosed()
  }
}

/**
 * Opens this many tunnels at the same time, and closes them unless each of them could be opened. Tries again
 * until it succeeds or the time is up, because places are given back a moment after a client has closed.
 */
export async function openAll(
  open: () => Promise<Attempt>,
  count: number,
  timeoutMs = 20_000,
): Promise<readonly Attempt[]> {
  const endMs = performance.now() + timeoutMs
  for (;;) {
    const attempts = await Promise.all(Array.from({ length: count }, open))
    const opened = attempts.filter(({ status }) => status === 101)
    if (opened.length === count || performance.now() > endMs) return opened
    await Promise.all(attempts.map((attempt) => attempt.close()))
  }
}
