/** Memory per idle tunnel. Every contender is started afresh for it. */
import { type Entry, startContender } from "../contenders/contender.js"
import { Tunnel } from "../load/tunnel.js"
import { times } from "./measure.js"

/** Opened and closed first, so that one-time allocations are not counted. */
const WARM_UP_TUNNELS = 200
/** Tunnels opened concurrently. */
const OPENING = 50

/** Bytes of resident memory for each tunnel that has carried one small message both ways and is now idle. */
export async function memoryPerTunnel(entry: Entry, backendPort: number, tunnels: number): Promise<number> {
  const { port, process } = await startContender(entry, backendPort)
  if (process === undefined) throw new Error(`${entry.name} has no process`)
  try {
    await closeAll(await openAll(port, WARM_UP_TUNNELS))
    await process.collect()
    const before = await process.usage()
    const open = await openAll(port, tunnels)
    await process.collect()
    const after = await process.usage()
    await closeAll(open)
    return (after.rssBytes - before.rssBytes) / tunnels
  } finally {
    await process.stop()
  }
}

async function openAll(port: number, count: number): Promise<Tunnel[]> {
  const tunnels: Tunnel[] = []
  let due = count
  await times(OPENING, async () => {
    while (due-- > 0) tunnels.push(await openOne(port))
  })
  return tunnels
}

async function openOne(port: number): Promise<Tunnel> {
  const tunnel = await Tunnel.open(port, "/echo")
  await new Promise<void>((resolve, reject) => {
    tunnel.onBytes = () => resolve()
    tunnel.broken().catch(reject)
    tunnel.socket.write("m")
  })
  return tunnel
}

async function closeAll(tunnels: readonly Tunnel[]): Promise<void> {
  await Promise.all(tunnels.map((tunnel) => tunnel.close()))
}
