import { Socket } from "node:net"
import t from "tap"
import { socketOptions } from "../../lib/net/socket-options.js"

t.test("socket options have the given values and no prototype", async (t) => {
  const options = socketOptions({ allowHalfOpen: true, noDelay: true })
  t.equal(Object.getPrototypeOf(options), null)
  t.same({ ...options }, { allowHalfOpen: true, noDelay: true })
  t.equal(new Socket(options).allowHalfOpen, true)
})

t.test("Node still copies the options of a socket, so that their shape matters", async (t) => {
  t.match(Socket.toString(), "{ ...options }")
})
