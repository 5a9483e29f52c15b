/** Tells the failures of this machine from those of a backend. */
import { closeSync, openSync } from "node:fs"
import { devNull } from "node:os"

/**
 * This machine has no more descriptors, memory or ports, or no address of the kind. None of it tells anything
 * about the backend. (EADDRNOTAVAIL is about one destination: another backend may still be reached.)
 */
const LOCAL_FAULTS: ReadonlySet<unknown> = new Set([
  "EMFILE",
  "ENFILE",
  "EADDRNOTAVAIL",
  "ENOBUFS",
  "ENOMEM",
  "EAI_MEMORY",
])

/** Whether a connect or lookup has just failed because of this machine; with several addresses, at each. */
export function isLocalFault(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isLocalFault)
  const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException
  return LOCAL_FAULTS.has(code) || (syscall === "getaddrinfo" && !canOpenMore())
}

/** Without descriptors the resolver can read no file and ask no server, and says ENOTFOUND of every name. */
function canOpenMore(): boolean {
  try {
    closeSync(openSync(devNull, "r"))
    return true
  } catch {
    return false
  }
}
