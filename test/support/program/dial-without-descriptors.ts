/** A process without descriptors that dials an IP address, then names, and prints why each dial failed. */
import { openSync } from "node:fs"
import { devNull } from "node:os"
import { toSessionEnd } from "../../../lib/close-reason.js"
import { Dial } from "../../../lib/net/dial.js"

const reasons: string[] = []
const fault = (error: unknown) => void reasons.push(toSessionEnd(error, "internal_error").reason)
try {
  for (;;) openSync(devNull, "r")
} catch {}
for (const host of ["127.0.0.1", "localhost", "name.invalid"]) {
  const dial = new Dial({ kind: "tcp", host, port: 9 }, { connectTimeoutMs: 10_000 })
  await dial.connected.then(() => {}, fault)
}
process.stdout.write(reasons.join())
