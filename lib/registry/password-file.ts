/** Reads a registry's `password_file`. */
import { readSecret } from "../settings/regular-file.js"
import { SettingError } from "../settings/setting-error.js"

/** A password or token, on the only line of its file. Throws a `SettingError` that does not repeat it. */
export function readPassword(file: string): string {
  const password = readSecret(file)
  if (/^[\x21-\x7e]+$/.test(password)) return password
  throw new SettingError(`"${file}" must hold one line of visible ASCII characters without spaces`)
}
