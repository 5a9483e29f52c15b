/** A project that imports the package by its name, as users do, and the compiler's errors for it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Test } from "tap"
import ts from "typescript"
import { projectPath } from "../project/project.js"

/** A folder where `import "rws-proxy"` resolves to this package. Removed when the test ends. */
export async function folderInPackage(t: Test): Promise<string> {
  const folder = await mkdtemp(projectPath("dist/consumer-"))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Compiles each of these sources against the package's type declarations. Returns the errors with lines. */
export async function complaintsAbout(t: Test, sources: readonly string[]): Promise<string[][]> {
  const folder = await folderInPackage(t)
  const files = await Promise.all(
    sources.map(async (source, index) => {
      const file = join(folder, `source-${index}.ts`)
      await writeFile(file, source)
      return file
    }),
  )
  const program = ts.createProgram(files, {
    strict: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    // As in TypeScript 6: Node's types are included only through the package's own declarations.
    types: [],
    skipLibCheck: true,
    noEmit: true,
  })
  return files.map((name) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(name)).map(({ messageText, file, start = 0 }) => {
      const { line = 0 } = file?.getLineAndCharacterOfPosition(start) ?? {}
      return `${file?.text.split("\n")[line]}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`
    }),
  )
}
