import { execFileSync } from "node:child_process"
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

/**
 * Prints whether V8 gives two copies that Node makes of the options of sockets the same hidden class. Needs
 * V8's own functions. A setter of `Object.prototype` is called on each copy.
 */
const COMPARE_COPIES = `
const { Socket } = await import("node:net")
if (process.argv[1] !== "") (await import(process.argv[1])).copyOptionsCheaply()
for (let i = 0; i < 500; i++) new Socket({ allowHalfOpen: true })
function copyOfOptions() {
  let copy
  const set = function () { copy ??= this }
  Object.defineProperty(Object.prototype, "emitClose", { set, configurable: true })
  new Socket({ allowHalfOpen: true })
  delete Object.prototype.emitClose
  return copy
}
const [one, other] = [copyOfOptions(), copyOfOptions()]
console.log(one.allowHalfOpen && one !== other && %HaveSameMap(one, other))
`

function copiesAreAlike(module = ""): string {
  const args = ["--allow-natives-syntax", "--input-type=module", "--eval", COMPARE_COPIES, "--", module]
  return execFileSync(process.execPath, args, { encoding: "utf8" }).trim()
}

t.test("all copies of options share one hidden class, which is what the module is for", async (t) => {
  const gains = copiesAreAlike() === "false"
  t.comment(`Node ${process.version} ${gains ? "gains" : "does not gain"} by it`)
  const isNode20 = process.versions.node.startsWith("20.")
  // If the first fails, the reason for the module is gone; if the second does, it has no effect.
  if (isNode20) t.ok(gains, "without the module Node 20 makes hidden classes of its own for each")
  t.equal(copiesAreAlike(new URL("../../lib/net/socket-options.js", import.meta.url).href), "true")
})
