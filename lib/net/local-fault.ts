/** Distinguishes local failures from those of a backend. */
import { closeSync, openSync } from "node:fs"
import { devNull } from "node:os"

/**
 * The local address has no port left for this backend, or this machine has no such address. EADDRINUSE comes
 * if the local address was given.
 */
const PORT_FAULTS: ReadonlySet<unknown> = new Set(["EADDRNOTAVAIL", "EADDRINUSE"])

/**
 * This machine lacks descriptors, memory or ports, or an address of the family, which never counts against a
 * backend. (EADDRNOTAVAIL concerns one destination: another backend may still be reachable.)
 */
const LOCAL_FAULTS: ReadonlySet<unknown> = new Set([
  "EMFILE",
  "ENFILE",
  ...PORT_FAULTS,
  "ENOBUFS",
  "ENOMEM",
  "EAI_MEMORY",
])

/** Whether a connect has failed for lack of a local port or address; with several addresses, at each. */
export function isPortFault(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isPortFault)
  return PORT_FAULTS.has(((error ?? {}) as NodeJS.ErrnoException).code)
}

/** Whether a connect or lookup has just failed for a local reason; with several addresses, at each. */
export function isLocalFault(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isLocalFault)
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException
  return LOCAL_FAULTS.has(code) || (syscall === "getaddrinfo" && !canOpenMore())
}

/**
 * Without descriptors the resolver can neither read files nor query servers, and reports ENOTFOUND for every
 * name.
 */
function canOpenMore(): boolean {
  try {
    closeSync(openSync(devNull, "r"))
    return true
  } catch {
    return false
  }
}
