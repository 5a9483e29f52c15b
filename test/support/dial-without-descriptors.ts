/** A process that has no descriptor left, and dials: by a number, then by a name. Prints the reasons of the failures. */
import { openSync } from "node:fs"
import { devNull } from "node:os"
import { asSessionEnd } from "../../lib/close-reason.js"
import { dial } from "../../lib/net/dial.js"

const reasons: string[] = []
const fault = (error: unknown) => void reasons.push(asSessionEnd(error, "internal_error").reason)
try {
  for (;;) openSync(devNull, "r")
} catch {}
for (const host of ["127.0.0.1", "localhost"]) {
  await dial({ kind: "tcp", host, port: 9 }, { connectTimeoutMs: 10_000 }).then(() => {}, fault)
}
process.stdout.write(reasons.join())
