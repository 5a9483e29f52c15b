/** A proxy with one open tunnel; the test holds both ends. */
import type { Test } from "tap"
import type { RunningProxy } from "../../../lib/index.js"
import { type ClockedProxy, startClockedProxy } from "../program/clocked-proxy.js"
import { openTunnel, type ServingProxy, type Settings, startProxy } from "../program/proxy.js"
import { answerUpgrade, type RawBackend, startBackend } from "./backend.js"
import type { RawPeer } from "./raw-peer.js"

export interface OpenPair<Proxy extends ServingProxy = RunningProxy> {
  readonly proxy: Proxy
  readonly client: RawPeer
  /** The backend's end of the tunnel. */
  readonly backend: RawPeer
}

type ListenerKeys = Omit<Settings, "backends">

export function openPair(t: Test, settings: ListenerKeys = {}): Promise<OpenPair> {
  return openThrough(startProxy, t, settings)
}

/** Deadlines pass only when the test advances `proxy.clock`. */
export function openClockedPair(t: Test, settings: ListenerKeys = {}): Promise<OpenPair<ClockedProxy>> {
  return openThrough(startClockedProxy, t, settings)
}

async function openThrough<Proxy extends ServingProxy>(
  start: (t: Test, settings: Settings) => Promise<Proxy>,
  t: Test,
  settings: ListenerKeys,
): Promise<OpenPair<Proxy>> {
  const server = await startBackend(t)
  const proxy = await start(t, { backends: [server.address], ...settings })
  return { proxy, ...(await openAnother(proxy, server)) }
}

/** Opens a tunnel through a proxy that has only this backend. */
export async function openAnother(
  proxy: ServingProxy,
  server: RawBackend,
): Promise<{ client: RawPeer; backend: RawPeer }> {
  const number = server.peers.length
  const opening = openTunnel(proxy)
  const backend = await server.peer(number)
  await answerUpgrade(backend)
  return { client: await opening, backend }
}

/** What a peer received after the head. */
export function beyondHead(peer: RawPeer): Buffer {
  const end = peer.received.indexOf("\r\n\r\n")
  return end < 0 ? Buffer.alloc(0) : peer.received.subarray(end + 4)
}

/** Waits until a peer has received this many bytes after the head, and returns them. */
export async function untilBeyondHead(peer: RawPeer, length: number): Promise<Buffer> {
  await peer.until((one) => beyondHead(one).length >= length, `${length} bytes behind the head`)
  return beyondHead(peer)
}
