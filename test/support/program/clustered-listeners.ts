/** Two workers of node:cluster, each with a proxy on the Unix socket in argv. Prints once both listen. */
import cluster from "node:cluster"
import { once } from "node:events"
import { createProxy } from "../../../lib/index.js"

const [path = ""] = process.argv.slice(2)

if (cluster.isPrimary) {
  const workers = [cluster.fork(), cluster.fork()]
  const outcomes = await Promise.all(workers.map((worker) => once(worker, "message")))
  console.log(`workers: ${outcomes.map(([outcome]) => outcome).join(", ")}`)
} else {
  const outcome = await createProxy({
    log: { level: "silent" },
    ws_proxy: [{ bind: `unix:${path}`, bind_mode: "0600", backends: ["127.0.0.1:9"] }],
  }).then(
    () => "listening",
    ({ message }: Error) => message,
  )
  process.send?.(outcome)
}
