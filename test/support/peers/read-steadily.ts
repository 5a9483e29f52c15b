import type { RawPeer } from "./raw-peer.js"

/** Reads at this rate at most: pauses after each chunk until the next one is due. */
export function readSteadily({ socket }: RawPeer, bytesPerMs: number): void {
  const startedMs = performance.now()
  let bytes = 0
  socket.on("data", (piece: Buffer) => {
    bytes += piece.length
    const restMs = startedMs + bytes / bytesPerMs - performance.now()
    if (restMs < 1) return
    socket.pause()
    setTimeout(() => socket.resume(), restMs)
  })
}
