/** Before anything is measured: does a contender pass bytes as a tunnel must? */
import { randomBytes } from "node:crypto"
import { get } from "node:http"
import { setImmediate, setTimeout } from "node:timers/promises"
import { GREETING, LATE } from "../contenders/protocol.js"
import { Collector } from "../load/collector.js"
import { HOST } from "../load/port.js"
import { Tunnel } from "../load/tunnel.js"

const DEADLINE_MS = 5000
const POLL_INTERVAL_MS = 10
const ECHO_BYTES = 1024 * 1024
const LONGEST_FRAGMENT_BYTES = 20_000

export interface Check {
  readonly name: string
  /** A contender that fails it is left out: what it does is no tunnel. */
  readonly vital?: true
  /** Rejects if the check fails. */
  run(port: number): Promise<void>
}

export interface Fault {
  readonly check: Check
  readonly error: Error
}

/** Makes every check and returns those that fail. */
export async function findFaults(port: number): Promise<Fault[]> {
  const faults: Fault[] = []
  for (const check of CHECKS) await check.run(port).catch((error) => faults.push({ check, error }))
  return faults
}

export const CHECKS: readonly Check[] = [
  {
    name: "to echo 1 MiB of random bytes that were sent in fragments",
    vital: true,
    async run(port) {
      const sent = randomBytes(ECHO_BYTES)
      const tunnel = await Collector.open(port, "/echo")
      for (let at = 0; at < sent.length; ) {
        const length = 1 + Math.floor(Math.random() * LONGEST_FRAGMENT_BYTES)
        tunnel.send(sent.subarray(at, at + length))
        at += length
        await setImmediate()
      }
      await tunnel.expect(sent, DEADLINE_MS)
    },
  },
  {
    name: "to pass on bytes that were sent right behind the request head",
    async run(port) {
      const early = "sent without waiting for the 101"
      const tunnel = await Collector.open(port, "/echo", early)
      await tunnel.expect(Buffer.from(early), DEADLINE_MS)
    },
  },
  {
    name: "to pass on bytes that came right behind the 101",
    async run(port) {
      const tunnel = await Collector.open(port, "/greet")
      await tunnel.expect(Buffer.from(GREETING), DEADLINE_MS)
    },
  },
  {
    name: "to pass on an answer to a client that has half-closed",
    async run(port) {
      const tunnel = await Collector.open(port, "/late")
      tunnel.sendFin()
      await tunnel.expect(Buffer.from(LATE), DEADLINE_MS)
    },
  },
  {
    name: "to close the backend's connection when the client resets its own",
    async run(port) {
      const observer = await Tunnel.open(port, "/open")
      const tunnel = await Tunnel.open(port, "/echo")
      const before = await openConnections(observer)
      await tunnel.reset()
      const end = performance.now() + DEADLINE_MS
      while ((await openConnections(observer)) >= before) {
        if (performance.now() > end) throw new Error("it is still open")
        await setTimeout(POLL_INTERVAL_MS)
      }
      await observer.close()
    },
  },
  {
    name: "to answer a request that asks for no upgrade",
    run: (port) =>
      new Promise((resolve, reject) => {
        const request = get({ host: HOST, port, agent: false }, (response) => {
          response.resume()
          response.on("end", resolve)
        })
        request.on("upgrade", (_response, socket) => {
          socket.destroy()
          reject(new Error("it was upgraded"))
        })
        request.on("error", reject)
        request.setTimeout(DEADLINE_MS, () => request.destroy(new Error("no answer in time")))
      }),
  },
]

/** How many connections the backend has. */
function openConnections(tunnel: Tunnel): Promise<number> {
  return new Promise((resolve, reject) => {
    tunnel.onBytes = (bytes) => resolve(Number(bytes.toString()))
    tunnel.broken().catch(reject)
    tunnel.socket.write("?")
  })
}
