/**
 * A program that uses the package by its own name, as its users do: where it lies, and what the compiler
 * says of it.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Test } from "tap"
import ts from "typescript"
import { projectPath } from "../project/project.js"

/** A folder from which `import "rws-proxy"` finds this package. It goes when the test ends. */
export async function folderInPackage(t: Test): Promise<string> {
  const folder = await mkdtemp(projectPath("dist/consumer-"))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/**
 * What the compiler says of each of these sources, by the type declarations of the package: lines and
 * complaints.
 */
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
    // As in TypeScript 6: Node's types come in only by the package's own declarations.
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
