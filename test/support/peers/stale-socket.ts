import { once } from "node:events"
import { mkdtempSync, renameSync, rmdirSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Leaves a socket file without a listener: libuv unlinks only the path it bound. */
export async function leaveStaleSocket(path: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rws-"))
  const bound = join(folder, "bound")
  const server = createServer().listen(bound)
  await once(server, "listening")
  renameSync(bound, path)
  server.close()
  await once(server, "close")
  rmdirSync(folder)
}
