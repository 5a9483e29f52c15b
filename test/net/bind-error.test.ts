import t from "tap"
import { parseBindAddress } from "../../lib/address/address.js"
import { toBindError } from "../../lib/net/listener.js"

const cases: { address: string; code: string; says: RegExp }[] = [
  { address: "127.0.0.1:80", code: "EACCES", says: /: permission denied: ports below 1024 are privileged; / },
  { address: "[::]:1023", code: "EACCES", says: /: permission denied: ports below 1024 are privileged; / },
  { address: "127.0.0.1:1024", code: "EACCES", says: /: permission denied$/ },
  { address: "unix:/run/rws.sock", code: "EACCES", says: /: permission denied, or there is no such folder$/ },
  { address: "127.0.0.1:80", code: "EADDRINUSE", says: /: it is already in use$/ },
  { address: "127.0.0.1:80", code: "EODD", says: /: bind EODD$/ },
]

for (const { address, code, says } of cases) {
  t.test(`the error for ${code} on ${address} is explained in words`, async (t) => {
    const error = Object.assign(new Error(`bind ${code}`), { code })
    const { message } = toBindError(parseBindAddress(address), error)
    t.match(message, says)
    t.ok(message.startsWith(`cannot listen on ${address}: `))
  })
}

t.test("the error for a privileged port names each way to bind it", async (t) => {
  const error = Object.assign(new Error(), { code: "EACCES" })
  const { message } = toBindError(parseBindAddress("0.0.0.0:443"), error)
  for (const way of ["above 1023", "AmbientCapabilities", "setcap", "ip_unprivileged_port_start"])
    t.match(message, way)
})
