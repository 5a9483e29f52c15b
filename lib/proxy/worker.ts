/**
 * A worker thread: makes the same plans as the main thread, in the main thread's shared memory, and serves
 * their listeners. Health checks, the log and everything else are left to the main thread.
 */
import { parentPort, workerData } from "node:worker_threads"
import { CallRecorder, encode } from "../ops/observer-calls.js"
import { Rows } from "../shared/rows.js"
import type { LiveSessions } from "./data-plane.js"
import { Plan } from "./plan.js"
import type {
  Command,
  CommandName,
  Commands,
  PostedPlan,
  WorkerData,
  WorkerMessage,
} from "./worker-messages.js"
import { WorkerPlane } from "./worker-plane.js"

if (parentPort === null) throw new Error("worker.js is not loaded by a worker thread")
const port = parentPort
const { worker } = workerData as WorkerData
const observer = new CallRecorder(worker, (calls) => post({ kind: "calls", calls }))
const plane = new WorkerPlane(worker)
/** Commands that take their time. Those behind them begin at once. */
const NOT_AWAITED: ReadonlySet<CommandName> = new Set(["drain", "closed", "listSessions"])
let live: Promise<LiveSessions> | undefined
let current: Plan | undefined
let prepared: Plan | undefined
/** The end of the last command that has to be finished before the next one begins. */
let done: Promise<unknown> = Promise.resolve()

// An error that nobody catches ends this thread only. What was observed before must not get lost with it.
process.on("uncaughtExceptionMonitor", () => observer.flush())
port.on("message", (command: Command) => {
  const outcome = done.then(() => carryOut(command))
  if (!NOT_AWAITED.has(command.name)) done = outcome.catch(() => {})
  outcome.then(
    (value) => reply({ kind: "reply", id: command.id, value }),
    (error: unknown) => reply({ kind: "failure", id: command.id, error: encode(error) }),
  )
})

async function carryOut(command: Command): Promise<unknown> {
  if (is(command, "prepare")) return prepare(command.asked)
  if (is(command, "start")) return start()
  if (is(command, "drain")) return drain(command.asked)
  if (is(command, "closed")) return plane.closed()
  if (is(command, "listSessions")) return (await liveSessions()).list(command.asked)
  if (is(command, "closeSession")) return (await liveSessions()).close(command.asked)
  if (is(command, "closeBackend")) {
    const { pool, backend } = command.asked
    return (await liveSessions()).closeTunnels(pool, backend)
  }
  if (is(command, "closeTunnels")) return current?.pools.closeTunnels()
  setImmediate(() => {
    throw new Error("a test has crashed this worker thread")
  })
  return undefined
}

async function prepare({ config, memories, held, keys, bound }: PostedPlan): Promise<unknown> {
  plane.expect(keys, bound)
  const rows = Rows.attach(memories, held)
  const plan = new Plan(config, observer, current, { rows, createPlane: () => plane })
  await plan.prepare()
  prepared = plan
  return plane.boundAddresses()
}

function drain({ key, timeoutMs, delayMs }: Commands["drain"]["asked"]): Promise<number> {
  return plane.drain(key, timeoutMs, delayMs)
}

function liveSessions(): Promise<LiveSessions> {
  live ??= plane.liveSessions(() => current?.pools)
  return live
}

/** Removed listeners go on until the main thread drains them. */
function start(): void {
  prepared?.start()
  current = prepared
}

/** What was observed before comes first: the main thread may end this thread after the reply. */
function reply(message: WorkerMessage): void {
  observer.flush()
  post(message)
}

function post(message: WorkerMessage): void {
  port.postMessage(message)
}

function is<Name extends CommandName>(command: Command, name: Name): command is Command<Name> {
  return command.name === name
}
