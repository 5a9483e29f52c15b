/** The parent's side of a child process: starts it, learns where it listens, and asks it questions. */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import type { Answers } from "./answers.js"
import { type Runtime, withOpenFiles } from "./runtime.js"
import type { Usage } from "./usage.js"

/** A process under the benchmark's control. */
export interface Child {
  readonly port: number
  /** Makes it collect its garbage, so that what it keeps can be compared. */
  collect(): Promise<void>
  /** What it has used so far. */
  usage(): Promise<Usage>
  stop(): Promise<void>
}

/** One that runs a module of bench. */
export interface NodeChild extends Child {
  ask<Question extends keyof Answers>(question: Question): Promise<Answers[Question]>
}

/** Runs a module of bench in a process of its own. Resolves once it listens. */
export async function startChild(
  module: string,
  args: readonly string[],
  runtime: Runtime,
): Promise<NodeChild> {
  const child = forkModule(module, args, runtime)
  const port = await messageOf<number>(child)
  const ask = <Question extends keyof Answers>(question: Question) => {
    child.send(question)
    return messageOf<Answers[Question]>(child)
  }
  return {
    port,
    ask,
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

/** Runs a module that sends one message and ends. */
export async function runChild<Message>(module: string, runtime: Runtime): Promise<Message> {
  const child = forkModule(module, [], runtime)
  const message = await messageOf<Message>(child)
  child.disconnect()
  return message
}

function forkModule(module: string, args: readonly string[], { path, flags }: Runtime): ChildProcess {
  const file = fileURLToPath(new URL(`../${module}`, import.meta.url))
  const [execPath, ...execArgv] = withOpenFiles(path, [...flags, "--expose-gc"])
  return fork(file, args, { execPath, execArgv })
}

function messageOf<Message>(child: ChildProcess): Promise<Message> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown) => {
      child.off("exit", onExit)
      resolve(message as Message)
    }
    const onExit = (code: number | null, signal: string | null) => {
      child.off("message", onMessage)
      reject(new Error(`${child.spawnargs.slice(3).join(" ")} has ended (${signal ?? code})`))
    }
    child.once("message", onMessage)
    child.once("exit", onExit)
  })
}
