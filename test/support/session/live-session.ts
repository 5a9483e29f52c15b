import type { LiveSession } from "../../../lib/session/registry.js"

/** A tunnel in which nothing moves and that closing does nothing to, with some parts of its own. */
export function liveSession(own: { readonly id: number } & Partial<LiveSession>): LiveSession {
  return {
    stage: "tunnel",
    startedMs: 0,
    summary: {
      listener: "front",
      client: "192.0.2.1:5000",
      startedAt: 0,
      bytesFromClient: 0,
      bytesFromBackend: 0,
    },
    bytesFromClient: 0,
    bytesFromBackend: 0,
    close() {},
    cut() {},
    ...own,
  }
}
