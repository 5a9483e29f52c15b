/**
 * Reads the PEM files that a configuration names, to report what is wrong with them before anything is bound.
 */
import { readCertificates, readKey, readSecureContext } from "../net/secure-context.js"
import { faultIn } from "../settings/kinds.js"
import { isTable, type Table, toTable } from "../settings/table.js"
import { placesOf } from "./places.js"
import type { ConfigProblem } from "./problem.js"

/** Works on any input, since the schema reports wrong values. */
export function checkTlsFiles(input: unknown): ConfigProblem[] {
  const tables = (key: string) => Object.entries(toTable(toTable(input)[key]))
  return [
    ...["pool", "registry"].flatMap((key) =>
      tables(key).flatMap(([name, table]) => problemsOf(table, [key, name])),
    ),
    ...placesOf(input).flatMap(([place, path]) => problemsOf(place, path)),
  ]
}

function problemsOf(table: unknown, path: ConfigProblem["path"]): ConfigProblem[] {
  const { tls } = toTable(table)
  return isTable(tls)
    ? faultsOf(tls).map(([key, message]) => ({ path: [...path, "tls", ...key], message }))
    : []
}

type Fault = readonly [key: readonly string[], message: string]

/** Reads each file by itself, to report all problems at once, then checks the certificate with its key. */
function faultsOf({ ca = "", cert = "", key = "" }: Table): Fault[] {
  const faults: Fault[] = []
  const isGood = (name: string, path: unknown, read: (path: string) => unknown) => {
    if (typeof path !== "string") return false
    const message = path === "" ? undefined : faultIn(() => read(path))
    if (message !== undefined) faults.push([[name], message])
    return message === undefined
  }
  isGood("ca", ca, (path) => readCertificates("ca", path))
  const isCertGood = isGood("cert", cert, (path) => readCertificates("cert", path))
  const isKeyGood = isGood("key", key, readKey)
  if (typeof cert !== "string" || typeof key !== "string") return faults
  const isOneMissing = (cert === "") !== (key === "")
  if (!isOneMissing && !(isCertGood && isKeyGood)) return faults
  const message = faultIn(() => readSecureContext({ cert, key }))
  return message === undefined ? faults : [...faults, [[], message]]
}
