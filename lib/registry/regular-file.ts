/** Reads the files of registries. */
import { readFileSync, statSync } from "node:fs"
import { SettingError } from "../settings/setting-error.js"

/** A file of some 300,000 endpoints. */
const MAX_BYTES = 64 * 2 ** 20

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
}

/** The text of a file, without a byte order mark. Throws `SettingError`. */
export function readRegularFile(file: string): string {
  try {
    const stats = statSync(file)
    if (stats.size > MAX_BYTES) throw new SettingError(`"${file}" is larger than ${MAX_BYTES} bytes`)
    // A pipe would block this thread, and some devices have no end.
    if (stats.isFile() || stats.isDirectory()) return readFileSync(file, "utf8").replace(/^\ufeff/, "")
  } catch (error) {
    if (error instanceof SettingError) throw error
    const { code = "", message } = error as NodeJS.ErrnoException
    throw new SettingError(`"${file}" can't be read: ${READ_FAULTS[code] ?? message}`, { cause: error })
  }
  throw new SettingError(`"${file}" can't be read: it is not a regular file`)
}

/** A password or token, on the first line of its file. Throws a `SettingError` that does not repeat it. */
export function readSecret(file: string): string {
  const [secret = "", ...more] = readRegularFile(file)
    .replace(/\r?\n$/, "")
    .split("\n")
  if (more.length > 0 || !/^[\x21-\x7e]+$/.test(secret)) {
    throw new SettingError(`"${file}" must hold one line of visible ASCII characters without spaces`)
  }
  return secret
}
