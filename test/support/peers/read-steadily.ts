import type { RawPeer } from "./raw-peer.js"

/** Reads from now on at no more than this pace: after each piece it rests until the next one is due. */
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
