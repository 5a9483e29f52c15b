/**
 * Whether a listener of rws is alive, as seen by a client: for the probes of containers and load balancers.
 */
import { connect } from "node:net"
import { type Address, toNetOptions } from "../address/address.js"

/** Addresses that can be bound but are no destination. */
const WILDCARDS: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" }

/**
 * Connects, sends FIN and waits until the listener closes too. A connection alone would prove nothing: the
 * kernel accepts it even while rws hangs or, with socket activation, isn't running. And a request would cost
 * the listener more, and a line in its log at each probe.
 *
 * Resolves to what is wrong, or to undefined.
 */
export function checkListener(address: Address, timeoutMs: number): Promise<string | undefined> {
  if (address.kind === "tcp" && address.port === 0) {
    return Promise.resolve("it binds port 0, so its port is not known")
  }
  return new Promise((resolve) => {
    const socket = connect({ ...toNetOptions(toDestination(address)) })
    const finish = (fault?: string) => {
      clearTimeout(deadline)
      socket.destroy()
      resolve(fault)
    }
    const deadline = setTimeout(() => finish(`no response within ${timeoutMs} ms`), timeoutMs)
    socket.on("connect", () => socket.end())
    socket.on("error", ({ message }) => finish(message))
    socket.on("end", () => finish())
    // A listener without a free place sends a refusal. It is alive, too.
    socket.resume()
  })
}

function toDestination(address: Address): Address {
  if (address.kind === "unix") return address
  return { ...address, host: WILDCARDS[address.host] ?? address.host }
}
