import { setImmediate as nextTurn } from "node:timers/promises"
import type { FakeClock } from "../clock/fake-clock.js"
import type { RawPeer } from "./raw-peer.js"

const TURNS = 3

/**
 * Reads at this rate: after each chunk the clock advances by the time that the chunk takes. Before that the
 * event loop turns a few times, so that the sender can refill the kernel's buffers.
 */
export function readSteadily({ socket }: RawPeer, bytesPerMs: number, clock: FakeClock): void {
  socket.on("data", async (piece: Buffer) => {
    socket.pause()
    for (let turn = 0; turn < TURNS; turn++) await nextTurn()
    clock.advance(piece.length / bytesPerMs)
    socket.resume()
  })
}
