import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Test } from "tap"

/**
 * A folder for Unix sockets, removed when the test ends. Its path is short: socket paths are limited to about
 * 100 bytes.
 */
export function socketFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "rws-"))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
