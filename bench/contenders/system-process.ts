/**
 * A proxy that is a program of the system: started in a folder of its own, watched through `/proc`. Linux
 * only.
 */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { HOST } from "../load/port.js"
import type { Child } from "./child.js"
import { withOpenFiles } from "./runtime.js"
import type { Usage } from "./usage.js"

const START_TRIES = 100
const TRY_INTERVAL_MS = 50

/** The first version number that a program prints; undefined where it is not installed. */
export function installedVersion(program: string, flag: string): string | undefined {
  const { stdout, stderr, error } = spawnSync(program, [flag], { encoding: "utf8" })
  if (error !== undefined) return undefined
  return /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0]
}

/** Writes the configuration of a program into its folder. Returns the file's path. */
export function writeConfig(folder: string, config: string): string {
  const file = join(folder, "proxy.conf")
  writeFileSync(file, config)
  return file
}

/**
 * Runs a command, which must stay in the foreground as one process. Resolves once it listens on `port`.
 * @param command makes the command from a folder of its own
 */
export async function startSystemProcess(
  port: number,
  command: (folder: string) => readonly [string, ...string[]],
): Promise<Child> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"))
  const [program, ...args] = command(folder)
  const [shell, ...shellArgs] = withOpenFiles(program, args)
  const child = spawn(shell, shellArgs, { stdio: ["ignore", "ignore", "inherit"] })
  const kill = () => child.kill("SIGKILL")
  process.on("exit", kill)
  const exited = once(child, "exit").then(() => {
    process.off("exit", kill)
    rmSync(folder, { recursive: true })
  })
  const stop = async () => {
    kill()
    await exited
  }
  try {
    await untilListening(port, () => child.exitCode !== null)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, async collect() {}, usage: async () => usageOf(child.pid as number), stop }
}

function usageOf(pid: number): Usage {
  const threads = readdirSync(`/proc/${pid}/task`)
  const nanos = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1").split(" ")[0]),
  )
  const [, kibibytes] = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? []
  return {
    cpuMicros: nanos.reduce((sum, one) => sum + one, 0) / 1000,
    rssBytes: Number(kibibytes) * 1024,
  }
}

async function untilListening(port: number, gone: () => boolean): Promise<void> {
  for (let tries = 0; tries < START_TRIES && !gone(); tries++) {
    const socket = connect({ host: HOST, port })
    const connected = await once(socket, "connect").then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (connected) return
    await setTimeout(TRY_INTERVAL_MS)
  }
  throw new Error(`nothing listens on port ${port}`)
}
