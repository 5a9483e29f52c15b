/** Requests for a pool, with only what balancing may use. */
import type { UpgradeRequest } from "../../../lib/upgrade/upgrade-request.js"
import { KEY } from "../http/heads.js"

/** An upgrade request with these fields only. */
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
