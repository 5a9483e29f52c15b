/** Starts proxies with worker threads, on a Node.js that can share addresses between them. */
import { fork } from "node:child_process"
import { EventEmitter, once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Test } from "tap"
import type { Config } from "../../../lib/config/schema.js"
import { NEWER_NODE } from "./newer-node.js"
import type { HostMessage, HostOrder } from "./worker-host.js"

const HOST = fileURLToPath(new URL("./worker-host.js", import.meta.url))

type LogLine = Readonly<Record<string, unknown>>
type Answer = Exclude<HostMessage, { kind: "log" }>

export class WorkerHost {
  addresses: readonly string[] = []
  readonly lines: LogLine[] = []
  readonly #changes = new EventEmitter().setMaxListeners(0)

  constructor(private readonly send: (order: HostOrder) => void) {}

  receive(message: HostMessage): void {
    if (message.kind === "log") this.lines.push(message.line)
    else {
      if ("addresses" in message) this.addresses = message.addresses
      this.#changes.emit("answer", message)
    }
    this.#changes.emit("change")
  }

  crash(worker: number): void {
    this.send({ crash: worker })
  }

  /** Resolves to what has changed, or to the error's name and message. */
  reload(config: Config): Promise<Answer> {
    this.send({ reload: config })
    return this.answer()
  }

  close(timeoutMs?: number): Promise<Answer> {
    this.send({ close: timeoutMs === undefined ? {} : { timeoutMs } })
    return this.answer()
  }

  async answer(): Promise<Answer> {
    const [answer] = await once(this.#changes, "answer")
    return answer
  }

  /** Waits for a log line that matches. */
  async logged(isIt: (line: LogLine) => boolean): Promise<LogLine> {
    for (;;) {
      const found = this.lines.find(isIt)
      if (found !== undefined) return found
      await once(this.#changes, "change")
    }
  }
}

/** Starts a proxy with this configuration in its own process, which is killed when the test ends. */
export async function startWorkers(t: Test, config: Config): Promise<WorkerHost> {
  const child = fork(HOST, [JSON.stringify(config)], {
    execPath: NEWER_NODE ?? process.execPath,
    execArgv: [],
  })
  t.teardown(() => child.kill("SIGKILL"))
  const host = new WorkerHost((order) => child.send(order))
  child.on("message", (message: HostMessage) => host.receive(message))
  const answer = await host.answer()
  if (answer.kind === "failed") throw new Error(`${answer.name}: ${answer.message}`)
  return host
}
