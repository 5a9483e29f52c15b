import type { RawPeer } from "./raw-peer.js"

/** Writes `chunk` repeatedly, as fast as the other side reads, until the socket closes. */
export function pour(peer: RawPeer, chunk: Buffer): void {
  const write = () => {
    while (peer.socket.write(chunk));
  }
  peer.socket.on("drain", write)
  write()
}
