/** A hook's error that can't be printed refuses its client and nobody else. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import t from "tap"

const run = promisify(execFile)

/** Expressions, in which `trap(object, key)` gives an object a property that can't be read. */
const ERRORS: Readonly<Record<string, string>> = {
  "its message throws": 'trap(new Error(), "message")',
  "a property of its own throws": 'trap(new Error("no"), "details")',
  "the message of its cause's cause throws":
    'new Error("no", { cause: new Error("why", { cause: trap(new Error(), "message") }) })',
  "one of several errors in it throws": 'new AggregateError([trap(new Error(), "message")], "no")',
  "it is no Error, and its message throws": 'trap({}, "message")',
  "it has a very long chain of causes":
    'Array.from({ length: 20_000 }).reduce((cause) => new Error("no", { cause }), undefined)',
}

/** In a process of its own, since it is the process that may end. */
const programWith = (error: string) => `
  import { connect } from "node:net"
  import { pino } from "pino"
  import { createProxy } from ${JSON.stringify(new URL("../../lib/index.js", import.meta.url).href)}
  import { upgradeHead } from ${JSON.stringify(new URL("../support/http/heads.js", import.meta.url).href)}

  const get = () => {
    throw new Error("can't be read")
  }
  const trap = (object, key) => Object.defineProperty(object, key, { enumerable: true, get })
  const authorize = () => Promise.reject(${error})
  const log = pino({ level: "error" }, { write() {} })
  const config = { ws_proxy: [{ bind: "127.0.0.1:0", backends: ["127.0.0.1:1"] }] }
  const proxy = await createProxy(config, { authorize, log })
  const [host, port] = proxy.address().split(":")
  const client = connect(Number(port), host, () => client.write(upgradeHead()))
  for await (const bytes of client) process.stdout.write(bytes)
  console.log("cut", await proxy.close(0))
`

for (const [title, error] of Object.entries(ERRORS)) {
  t.test(`a hook's error is a 500, and the program goes on, although ${title}`, async (t) => {
    const args = ["--input-type=module", "--eval", programWith(error)]
    const { stdout } = await run(process.execPath, args, { timeout: 20_000 }).catch(
      (failure: { stdout: string }) => failure,
    )
    t.match(stdout, /^HTTP\/1\.1 500 /)
    t.match(stdout, /^cut 0$/m)
  })
}
