import { BLOCK_BYTES } from "../contenders/protocol.js"
import { Tunnel } from "../load/tunnel.js"
import { type Measure, MILLISECONDS } from "./measure.js"

const MEGABYTE = 1_000_000
const CHUNK = Buffer.alloc(64 * 1024, "x")
const REQUEST = Buffer.from([1])

/** From the backend to the client: block after block through one tunnel. */
export const download: Measure = {
  name: "download",
  title: "Bulk, backend to client: one tunnel",
  unit: "MB",
  rate: "MB/s",
  cpuUnit: MILLISECONDS,
  target: 1,
  warmUp: 1,
  open: (port) => openBulk(port, "/source", receiveBlock),
}

/** From the client to the backend. */
export const upload: Measure = {
  name: "upload",
  title: "Bulk, client to backend: one tunnel",
  unit: "MB",
  rate: "MB/s",
  cpuUnit: MILLISECONDS,
  target: 1,
  warmUp: 1,
  open: (port) => openBulk(port, "/sink", sendBlock),
}

async function openBulk(port: number, path: "/source" | "/sink", move: (tunnel: Tunnel) => Promise<void>) {
  const tunnel = await Tunnel.open(port, path)
  return {
    async run(ms: number) {
      const end = performance.now() + ms
      let blocks = 0
      for (; performance.now() < end; blocks++) await move(tunnel)
      return (blocks * BLOCK_BYTES) / MEGABYTE
    },
    close: () => tunnel.close(),
  }
}

function receiveBlock(tunnel: Tunnel): Promise<void> {
  tunnel.socket.write(REQUEST)
  return received(tunnel, BLOCK_BYTES)
}

function sendBlock(tunnel: Tunnel): Promise<void> {
  const { socket } = tunnel
  let due = BLOCK_BYTES
  const pour = () => {
    while (due > 0) {
      due -= CHUNK.length
      if (!socket.write(CHUNK)) {
        socket.once("drain", pour)
        return
      }
    }
  }
  pour()
  return received(tunnel, 1)
}

function received(tunnel: Tunnel, length: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = length
    tunnel.onBytes = (bytes) => {
      missing -= bytes.length
      if (missing <= 0) resolve()
    }
    tunnel.broken().catch(reject)
  })
}
