/** Requests as checks are asked about them, and the wait for a decision. */
import type { AskedRequest, Asking } from "../../../lib/access/check.js"
import type { Fields } from "../http/heads.js"
import { requested } from "../http/requested.js"

const CLIENT = { ip: "192.0.2.7", port: 5000 }

/** A valid upgrade of a client that connects without proxies, with some parts replaced. */
export function asked(
  target = "/chat",
  fields: Fields = {},
  parts: Partial<Omit<AskedRequest, "request" | "received">> = {},
): AskedRequest {
  const request = requested(target, fields)
  return {
    request,
    received: request,
    peer: CLIENT,
    client: CLIENT,
    proto: "http",
    report: undefined,
    trace: undefined,
    ...parts,
  }
}

/** A client that waits until the test lets it leave. */
export class Wait implements Asking {
  readonly listener = "front"
  readonly route = undefined
  readonly #controller = new AbortController()

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  leave(reason: unknown): void {
    this.#controller.abort(reason)
  }
}
