/** The version of rws. The package knows itself by its name. */
import { createRequire } from "node:module"

export const { version: VERSION } = createRequire(import.meta.url)("rws-proxy/package.json") as {
  readonly version: string
}
