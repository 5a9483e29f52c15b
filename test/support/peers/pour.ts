import type { RawPeer } from "./raw-peer.js"

/** Writes `chunk` again and again, as fast as the other side takes it, until the socket is gone. */
export function pour(peer: RawPeer, chunk: Buffer): void {
  const write = () => {
    while (peer.socket.write(chunk));
  }
  peer.socket.on("drain", write)
  write()
}
