import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { freePort } from "../load/port.js"
import { startSystemProcess } from "./system-process.js"

const SOURCE = fileURLToPath(new URL("../../../bench/contenders/relay.c", import.meta.url))

/** `relay.c`, compiled for this machine: what the kernel's part of a tunnel costs. */
export async function startCRelay(backendPort: number) {
  const port = await freePort()
  return startSystemProcess(port, (folder) => {
    const program = join(folder, "relay")
    execFileSync("gcc", ["-O2", "-o", program, SOURCE])
    return [program, String(port), String(backendPort)]
  })
}
