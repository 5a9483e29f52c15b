import t from "tap"
import { Reloader, type ReloadSteps } from "../../../bin/reloader.js"
import { BindError, type Config, ConfigError } from "../../../lib/index.js"
import { turnUntil } from "../../support/pool/turns.js"
import { collectLog } from "../../support/program/log-lines.js"

const CONFIG: Config = { ws_proxy: [] }

interface Trial {
  /** What `read` does. Default: resolves. */
  readonly read?: () => Promise<Config>
  /** What the proxy's `reload` does. */
  readonly reload: () => Promise<string[]>
}

function start({ read = async () => CONFIG, reload }: Trial) {
  const { log, lines } = collectLog()
  const told: string[] = []
  const proxy = { reload, addresses: () => ["127.0.0.1:1"] }
  const steps: ReloadSteps = {
    read,
    onBegin: () => void told.push("begin"),
    onReloaded: () => void told.push("reloaded"),
    onEnd: () => void told.push("end"),
  }
  return { reloader: new Reloader(Promise.resolve(proxy), steps, log), lines, told }
}

t.test("a reload is told from its begin to its end", async (t) => {
  const { reloader, told } = start({ reload: async () => ["listener chat added"] })
  reloader.request("SIGHUP")
  await turnUntil(() => told.length === 3, "the end of the reload")
  t.strictSame(told, ["begin", "reloaded", "end"])
})

const REFUSALS = [
  new ConfigError("rws.toml", [{ path: ["ws_proxy", 0, "bind"], message: "required, but missing" }]),
  new BindError("cannot listen on 127.0.0.1:80: permission denied"),
]

for (const refusal of REFUSALS) {
  t.test(`a reload that ends with a ${refusal.name} is refused with its problems`, async (t) => {
    const { reloader, lines, told } = start({ reload: () => Promise.reject(refusal) })
    reloader.request("watch")
    await turnUntil(() => told.length === 2, "the end of the reload")
    t.match(lines, [{ level: 50, cause: "watch", problems: [refusal.message] }])
    t.equal(lines[0]?.msg, "reload refused: the running configuration stays")
  })
}

t.test("an unexpected error refuses the reload and is logged with its stack", async (t) => {
  const { reloader, lines, told } = start({ reload: () => Promise.reject(new TypeError("a bug")) })
  reloader.request("SIGHUP")
  await turnUntil(() => told.length === 2, "the end of the reload")
  t.match(lines, [{ level: 50, err: { stack: /a bug/ } }])
})

t.test("requests during a reload lead to one more reload after it", async (t) => {
  let resolve = (_changes: string[]) => {}
  const promise = new Promise<string[]>((done) => {
    resolve = done
  })
  let reloads = 0
  let isOne = true
  const { reloader, told } = start({
    async reload() {
      reloads++
      isOne &&= told.filter((word) => word === "begin").length === reloads
      return promise
    },
  })
  for (let request = 0; request < 5; request++) reloader.request("SIGHUP")
  await turnUntil(() => reloads === 1, "the first reload")
  for (let request = 0; request < 5; request++) reloader.request("SIGHUP")
  resolve([])
  await turnUntil(() => told.length === 6, "the second reload")
  reloader.request("watch")
  await turnUntil(() => told.length === 9, "a later reload")
  t.equal(reloads, 3)
  t.equal(isOne, true)
})

t.test(
  "a reload whose file is still being read when the drain begins does not reach the proxy",
  async (t) => {
    let resolve = (_config: Config) => {}
    const promise = new Promise<Config>((done) => {
      resolve = done
    })
    let hasReloaded = false
    let isReading = false
    const { reloader, lines, told } = start({
      read() {
        isReading = true
        return promise
      },
      async reload() {
        hasReloaded = true
        return []
      },
    })
    reloader.request("SIGHUP")
    await turnUntil(() => isReading, "the file to be read")
    reloader.stop()
    resolve(CONFIG)
    await new Promise((resolve) => setImmediate(resolve))
    reloader.request("SIGHUP")
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(hasReloaded, false)
    t.strictSame(lines, [])
    t.strictSame(told, ["begin"], "READY is not sent after STOPPING")
  },
)
