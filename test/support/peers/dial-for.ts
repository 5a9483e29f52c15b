/** A dial that ends when its client aborts, as in a session. */
import type { Address } from "../../../lib/address/address.js"
import { toSessionEnd } from "../../../lib/close-reason.js"
import type { Connection } from "../../../lib/net/connection.js"
import { Dial, type DialOptions } from "../../../lib/net/dial.js"
import type { Clock } from "../../../lib/shared/clock.js"

export function dialFor(
  address: Address,
  options: DialOptions,
  client?: Connection,
  clock?: Clock,
): Promise<Connection> {
  const dial = new Dial(address, options, clock)
  if (client !== undefined) {
    client.onAbort = (error) => dial.close(toSessionEnd(error, "client_aborted_in_dial"))
  }
  return dial.connected
}
