/** The project's own files, for tests that read them. Compiled tests are in dist/test, one level deeper. */
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const PROJECT = new URL("../../../../", import.meta.url)

/** The absolute path of a file or folder, given relative to the project's root. */
export function projectPath(path: string): string {
  return fileURLToPath(new URL(path, PROJECT))
}

export function readProjectFile(path: string): string {
  return readFileSync(projectPath(path), "utf8")
}

/** The TypeScript sources in a folder, without declarations, as paths relative to the project's root. */
export function sourcesIn(folder: string): string[] {
  return readdirSync(projectPath(folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`)
    .sort()
}
