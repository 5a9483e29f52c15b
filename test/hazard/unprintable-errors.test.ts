/** A hook's error that can't be printed refuses its client and nobody else. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import t from "tap"

const run = promisify(execFile)

/** In a process of its own, since it is the process that may end. */
const PROGRAM = `
  import { connect } from "node:net"
  import { pino } from "pino"
  import { createProxy } from ${JSON.stringify(new URL("../../lib/index.js", import.meta.url).href)}
  import { upgradeHead } from ${JSON.stringify(new URL("../support/http/heads.js", import.meta.url).href)}

  const unprintable = Object.defineProperty(new Error(), "message", {
    get() {
      throw new Error("no message")
    },
  })
  const authorize = () => Promise.reject(unprintable)
  const log = pino({ level: "error" }, { write() {} })
  const config = { ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:1"] }] }
  const proxy = await createProxy(config, { authorize, log })
  const [host, port] = proxy.address().split(":")
  const client = connect(Number(port), host, () => client.write(upgradeHead()))
  for await (const bytes of client) process.stdout.write(bytes)
  console.log("cut", await proxy.close(0))
`

t.test("a hook whose error can't be printed is a 500, and the program goes on", async (t) => {
  const args = ["--input-type=module", "--eval", PROGRAM]
  const { stdout } = await run(process.execPath, args, { timeout: 20_000 }).catch(
    (error: { stdout: string }) => error,
  )
  t.match(stdout, /^HTTP\/1\.1 500 /)
  t.match(stdout, /^cut 0$/m)
})
