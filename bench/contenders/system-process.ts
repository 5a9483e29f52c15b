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
import type { Usage } from "./usage.js"

const START_TRIES = 100
const TRY_INTERVAL_MS = 50

/** The first version number that `PROGRAM -v` prints; undefined where the program is not installed. */
export function installedVersion(program: string): string | undefined {
  const { stdout, stderr, error } = spawnSync(program, ["-v"], { encoding: "utf8" })
  if (error !== undefined) return undefined
  return /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0]
}

/**
 * Runs `PROGRAM ...args FILE`, where the file holds `config`; it must stay in the foreground, as one process.
 */
export async function startSystemProcess(
  program: string,
  args: readonly string[],
  config: (folder: string) => string,
  port: number,
): Promise<Child> {
  const folder = mkdtempSync(join(tmpdir(), `bench-${program}-`))
  const file = join(folder, `${program}.conf`)
  writeFileSync(file, config(folder))
  const child = spawn(program, [...args, file], { stdio: ["ignore", "ignore", "inherit"] })
  const kill = () => child.kill("SIGKILL")
  process.on("exit", kill)
  const exited = once(child, "exit").then(() => {
    process.off("exit", kill)
    rmSync(folder, { recursive: true })
  })
  await untilListening(port, () => child.exitCode !== null)
  return {
    port,
    async collect() {},
    usage: async () => usageOf(child.pid as number),
    async stop() {
      child.kill("SIGKILL")
      await exited
    },
  }
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
