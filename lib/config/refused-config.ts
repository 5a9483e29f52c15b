/**
 * Tells a configuration that is refused, as a whole and with reasons for its author, from a defect of rws.
 */
import { BindError } from "../net/listener.js"
import { SettingError } from "../settings/setting-error.js"
import { ConfigError } from "./problem.js"

/** Why a configuration was refused, one problem per line; undefined for any other error. */
export function problemsIn(error: unknown): string[] | undefined {
  const isRefused =
    error instanceof ConfigError || error instanceof SettingError || error instanceof BindError
  return isRefused ? error.message.split("\n") : undefined
}
