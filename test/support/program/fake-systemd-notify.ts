/**
 * A systemd-notify that writes its messages to a file, so that a test sees what rws tells its service
 * manager.
 */
import { chmod, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Test } from "tap"
import { Program, temporaryFolder } from "./program.js"

export interface FakeManager {
  /** For the environment of rws. */
  readonly env: Readonly<Record<string, string>>
  /** Prints one line for each message, its variables separated by "|". */
  readonly messages: Program
}

/** @param script what systemd-notify does; by default it writes down its arguments */
export async function fakeManager(t: Test, script?: string): Promise<FakeManager> {
  const folder = await temporaryFolder(t)
  const [program, file] = [join(folder, "systemd-notify"), join(folder, "messages")]
  await writeFile(file, "")
  await writeFile(program, script ?? `#!/bin/sh\nIFS='|'\necho "$*" >> ${file}\n`)
  await chmod(program, 0o755)
  return {
    env: { PATH: `${folder}:${process.env.PATH}`, NOTIFY_SOCKET: "@fake" },
    messages: Program.start(t, "tail", ["-n", "+1", "-f", file]),
  }
}
