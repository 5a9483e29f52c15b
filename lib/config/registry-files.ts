/** Reads the files that registries name, to report what is wrong before anything is bound. */
import { readPassword } from "../registry/password-file.js"
import { faultIn } from "../settings/kinds.js"
import { readRegularFile } from "../settings/regular-file.js"
import { toTable } from "../settings/table.js"
import type { ConfigProblem } from "./problem.js"

/** Works on any input, since the schema reports wrong values. */
export function checkRegistryFiles(input: unknown): ConfigProblem[] {
  return Object.entries(toTable(toTable(input).registry)).flatMap(([name, registry]) => {
    const { store, file, password_file } = toTable(registry)
    const [key, path, read] =
      store === "file"
        ? (["file", file, readRegularFile] as const)
        : (["password_file", password_file, readPassword] as const)
    // An empty path is reported by the schema.
    const message = typeof path === "string" && path !== "" ? faultIn(() => read(path)) : undefined
    return message === undefined ? [] : [{ path: ["registry", name, key], message }]
  })
}
