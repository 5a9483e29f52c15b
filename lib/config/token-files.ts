/** Reads the keys and secrets that `jwt` tables name, to report what is wrong before anything is bound. */
import { jwtSchema } from "../access/jwt-schema.js"
import { readPublicKeys, readSigningSecret } from "../access/key-files.js"
import { faultIn } from "../settings/kinds.js"
import { toTable } from "../settings/table.js"
import { placesOf } from "./places.js"
import type { ConfigProblem } from "./problem.js"

/** Works on any input, since the schema reports wrong values. */
export function checkTokenFiles(input: unknown): ConfigProblem[] {
  return placesOf(input).flatMap(([place, path]) => {
    const { data } = jwtSchema.safeParse(toTable(place).jwt)
    if (data === undefined) return []
    const { key_files: paths = [], secret_file: secret, algorithms } = data
    const faults = paths.map((file, index) => ({
      path: [...path, "jwt", "key_files", index],
      message: faultIn(() => readPublicKeys([file], algorithms)),
    }))
    if (secret !== undefined) {
      const message = faultIn(() => readSigningSecret(secret, algorithms))
      faults.push({ path: [...path, "jwt", "secret_file"], message })
    }
    return faults.flatMap(({ path, message }) => (message === undefined ? [] : [{ path, message }]))
  })
}
