/** A Redis server of its own for a test, on a port of the loopback that stays the same over restarts. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { connect } from "node:net"
import { setTimeout as pause } from "node:timers/promises"
import { createClient } from "redis"
import type { Test } from "tap"
import { deadAddress } from "../peers/backend.js"
import { temporaryFolder } from "../program/program.js"

const TOO_LONG_MS = 20_000
const LOOK_MS = 20

/** A reason to skip tests that need Redis; false where they must run. */
export const noRedis: string | false =
  process.env.CI === "1" || isInstalled() ? false : "redis-server is missing"

function isInstalled(): boolean {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

export interface RedisServer {
  /** `redis://127.0.0.1:PORT`. */
  readonly url: string
  /** Runs commands, one after the other. */
  run(...commands: readonly (readonly string[])[]): Promise<void>
  kill(): Promise<void>
  restart(): Promise<void>
  /** Stops it from responding, without closing its connections. */
  freeze(): void
  thaw(): void
}

/** @param options for its command line, as in `--requirepass` */
export async function startRedis(t: Test, options: readonly string[] = []): Promise<RedisServer> {
  const folder = await temporaryFolder(t)
  const port = (await deadAddress()).split(":")[1] ?? ""
  const quiet = ["--save", "", "--appendonly", "no", "--logfile", "redis.log", "--dir", folder]
  let child: ChildProcess | undefined
  const restart = async () => {
    child = spawn("redis-server", ["--bind", "127.0.0.1", "--port", port, ...quiet, ...options], {
      stdio: "ignore",
    })
    await untilListening(Number(port))
  }
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, "exit")
    child.kill("SIGKILL")
    await exited
  }
  t.teardown(kill)
  await restart()
  const password = options[options.indexOf("--requirepass") + 1]
  const url = `redis://127.0.0.1:${port}`
  return {
    url,
    kill,
    restart,
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    async run(...commands) {
      const client = createClient({
        url,
        ...(options.includes("--requirepass") && { password: password ?? "" }),
      })
      client.on("error", () => {})
      await client.connect()
      for (const command of commands) await client.sendCommand([...command])
      client.destroy()
    },
  }
}

async function untilListening(port: number): Promise<void> {
  for (const deadline = performance.now() + TOO_LONG_MS; performance.now() < deadline; await pause(LOOK_MS)) {
    const socket = connect(port, "127.0.0.1")
    try {
      await once(socket, "connect")
      return
    } catch {
      // Not yet.
    } finally {
      socket.destroy()
    }
  }
  throw new Error("redis-server does not listen")
}
