import type { Backend } from "../../../lib/pool/backend.js"
import type { Pool } from "../../../lib/pool/pool.js"
import { poolRequest } from "./pool-request.js"

/** The backends that one session dials, in order, if every dial fails. The failures are not reported. */
export function triedBy(pool: Pool, request = poolRequest(), clientIp = "192.0.2.1"): readonly Backend[] {
  const tried: Backend[] = []
  for (const backend of pool.reserve(request, clientIp)) {
    tried.push(backend)
    backend.release()
  }
  return tried
}
