/** Requests for a pool: what balancing may look at, and nothing else. */
import type { UpgradeRequest } from "../../../lib/upgrade/upgrade-request.js"
import { KEY } from "../http/heads.js"

/** An upgrade request with these fields beside none of its own. */
export function poolRequest(
  target = "/chat",
  ...fields: readonly (readonly [name: string, value: string])[]
): UpgradeRequest {
  return {
    target,
    host: "chat.example",
    key: KEY,
    fields: fields.map(([name, value]) => ({
      name: name.toLowerCase(),
      value,
      line: `${name}: ${value}\r\n`,
    })),
    connection: ["upgrade"],
  }
}
