/** Reads the files that settings name. */
import { readFileSync, statSync } from "node:fs"
import { SettingError } from "./setting-error.js"

/** A file of some 300,000 endpoints. */
const MAX_BYTES = 64 * 2 ** 20

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
}

/**
 * The text of a file, without a byte order mark. Throws `SettingError`.
 * @param title what the error calls it
 */
export function readRegularFile(
  path: string,
  encoding: "utf8" | "latin1" = "utf8",
  title = `"${path}"`,
): string {
  try {
    const stats = statSync(path)
    if (stats.size > MAX_BYTES) throw new SettingError(`${title} is larger than ${MAX_BYTES} bytes`)
    // A pipe would block this thread, and some devices have no end.
    if (stats.isFile() || stats.isDirectory()) return readFileSync(path, encoding).replace(/^\ufeff/, "")
  } catch (error) {
    if (error instanceof SettingError) throw error
    const { code = "", message } = error as NodeJS.ErrnoException
    throw new SettingError(`${title} can't be read: ${READ_FAULTS[code] ?? message}`, { cause: error })
  }
  throw new SettingError(`${title} can't be read: it is not a regular file`)
}

/** The bytes of a file, one character each, without a line break at its end. Throws as `readRegularFile`. */
export function readSecret(path: string, title?: string): string {
  return readRegularFile(path, "latin1", title).replace(/\r?\n$/, "")
}
