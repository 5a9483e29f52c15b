import t from "tap"
import { LogObserver } from "../../lib/ops/log.js"
import { Observers } from "../../lib/ops/observer.js"
import { Pools } from "../../lib/proxy/pools.js"
import { Rows } from "../../lib/shared/rows.js"
import { collectLog } from "../support/program/log-lines.js"

t.test("what a pool reports is logged under its name", async (t) => {
  const { log, lines } = collectLog()
  const observers = new Observers([new LogObserver(log)])
  const pools = new Pools({ chat: { backends: ["127.0.0.1:9"] } }, observers, new Rows(), () => {})
  const observer = pools.poolOf({ pool: "chat" }, "", "")?.observer
  observer?.onCheckDefect("127.0.0.1:9", new Error("defect 1"))
  observer?.onUncheckable("127.0.0.1:9", { text: "EMFILE", reason: "local_exhaustion", isLocal: true })
  observer?.onHealthChange({ backend: "127.0.0.1:9", isUp: false, reason: "3 dials failed", forMs: 5 })
  observer?.onHealthChange({ backend: "127.0.0.1:9", isUp: true, reason: "a dial succeeded" })
  t.match(lines, [
    {
      level: 50,
      msg: "backend could not be checked",
      pool: "chat",
      backend: "127.0.0.1:9",
      reason: "internal_error",
      err: { message: "defect 1" },
    },
    { level: 40, msg: "backend could not be checked", pool: "chat", error: "EMFILE" },
    { level: 40, msg: "backend is down", pool: "chat", detail: "3 dials failed", for_ms: 5 },
    { level: 30, msg: "backend is up", pool: "chat", detail: "a dial succeeded" },
  ])
})
