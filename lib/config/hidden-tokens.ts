/** Hides tokens in the log, wherever a `jwt` table says that they may be, whatever `log.redact` says. */
import type { RedactRule } from "../http/redaction.js"
import type { Settings } from "./schema.js"

export function hideTokens(settings: Settings): Settings {
  const { log, ws_proxy: listeners } = settings
  const rules = listeners
    .flatMap(({ jwt, route }) => [jwt, ...route.map((one) => one.jwt)])
    .flatMap((jwt) => jwt?.from ?? [])
    .flatMap((source): RedactRule[] => {
      // Of an offered subprotocol that is as long as a token, the log never shows more than its beginning.
      if (source.kind === "subprotocol") return []
      if (source.kind === "cookie") return [{ part: "header", name: "cookie" }]
      return [{ part: source.kind, name: source.name }]
    })
  return rules.length === 0 ? settings : { ...settings, log: { ...log, redact: log.redact.and(rules) } }
}
