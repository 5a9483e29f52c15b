/**
 * Both ends of the conversation with a child process: it says where it listens and, when asked, what it has
 * used.
 *
 * Children get the options that Node was started with, so `node --cpu-prof dist/bench/run.js` profiles each
 * of them.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Usage } from "./usage.js"

/** A process under the benchmark's control. */
export interface Child {
  readonly port: number
  /** Makes it collect its garbage, so that its memory can be compared. */
  collect(): Promise<void>
  /** What it has used so far. */
  usage(): Promise<Usage>
  stop(): Promise<void>
}

type Question = "collect" | "usage"

interface Listening {
  readonly port: number
}

/** Runs a module of bench in a process of its own. Resolves once it listens. */
export async function startChild(module: string, args: readonly string[]): Promise<Child> {
  const path = fileURLToPath(new URL(`../${module}`, import.meta.url))
  const child = fork(path, args, { execArgv: [...process.execArgv, "--expose-gc"] })
  const { port } = await answerOf<Listening>(child)
  const ask = (question: Question): Promise<Usage> => {
    child.send(question)
    return answerOf<Usage>(child)
  }
  return {
    port,
    async collect() {
      await ask("collect")
    },
    usage: () => ask("usage"),
    async stop() {
      if (!child.connected) return
      child.disconnect()
      await once(child, "exit")
    },
  }
}

/** The child's side: says the port and answers until the parent has gone. */
export function serveParent(port: number): void {
  process.on("message", (question: Question) => {
    if (question === "collect") globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    process.send?.({ cpuMicros: user + system, rssBytes: process.memoryUsage.rss() } satisfies Usage)
  })
  process.on("disconnect", () => process.exit())
  process.send?.({ port } satisfies Listening)
}

function answerOf<Answer>(child: ChildProcess): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const onMessage = (answer: unknown) => {
      child.off("exit", onExit)
      resolve(answer as Answer)
    }
    const onExit = (code: number | null, signal: string | null) => {
      child.off("message", onMessage)
      reject(new Error(`${child.spawnargs.slice(1).join(" ")} has ended (${signal ?? code})`))
    }
    child.once("message", onMessage)
    child.once("exit", onExit)
  })
}
