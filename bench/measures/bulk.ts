import { BLOCK_BYTES, type Path } from "../contenders/protocol.js"
import { Tunnel } from "../load/tunnel.js"
import { MILLISECONDS, type Work } from "./work.js"

const MEGABYTE = 1_000_000
const CHUNK = Buffer.alloc(64 * 1024, "x")
const REQUEST = Buffer.from([1])

export const download: Work = bulk("download", "backend to client", "/source", BLOCK_BYTES, receiveBlock)

export const upload: Work = bulk("upload", "client to backend", "/sink", BLOCK_BYTES, (tunnel) =>
  sendBlock(tunnel, 1),
)

/** The backend sends back what it gets, while more is on its way. */
export const both: Work = bulk("both", "both directions at once", "/echo", 2 * BLOCK_BYTES, (tunnel) =>
  sendBlock(tunnel, BLOCK_BYTES),
)

/**
 * Block after block through one tunnel.
 * @param bytes what passes the proxy for each block
 */
function bulk(
  name: string,
  direction: string,
  path: Path,
  bytes: number,
  move: (tunnel: Tunnel) => Promise<void>,
): Work {
  return {
    name,
    title: `Bulk, ${direction}: one tunnel`,
    unit: "MB",
    cpuUnit: MILLISECONDS,
    warmUpUnits: 500,
    async open(port) {
      const tunnel = await Tunnel.open(port, path)
      return {
        async run(ms) {
          const end = performance.now() + ms
          let blocks = 0
          for (; performance.now() < end; blocks++) await move(tunnel)
          return (blocks * bytes) / MEGABYTE
        },
        close: () => tunnel.close(),
      }
    },
  }
}

function receiveBlock(tunnel: Tunnel): Promise<void> {
  tunnel.socket.write(REQUEST)
  return received(tunnel, BLOCK_BYTES)
}

/** Resolves once the backend has answered with so many bytes. */
function sendBlock(tunnel: Tunnel, answerBytes: number): Promise<void> {
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
  const answered = received(tunnel, answerBytes)
  pour()
  return answered
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
