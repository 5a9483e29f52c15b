/** Reads the code blocks and tables of README.md, so that tests can run the commands that users copy. */
import { readFile } from "node:fs/promises"

export const README = await readFile(new URL("../../../../README.md", import.meta.url), "utf8")

/** The texts of all blocks with this tag, in order. */
export function blocksOf(tag: string): string[] {
  return [...README.matchAll(/^```(\S+)[^\n]*\n(.*?)^```$/gms)].flatMap(([, found, text = ""]) =>
    found === tag ? [text] : [],
  )
}

/** The texts of the blocks with this tag and a file's name behind it, by that name. */
export function filesIn(tag: string): ReadonlyMap<string, string> {
  const blocks = README.matchAll(/^```(\S+) (\S+)\n(.*?)^```$/gms)
  return new Map(
    [...blocks].flatMap(([, found, name = "", text = ""]) => (found === tag ? [[name, text] as const] : [])),
  )
}

/** The text of the only block with this tag. */
export function blockOf(tag: string): string {
  const [block, ...more] = blocksOf(tag)
  if (block === undefined || more.length > 0)
    throw new Error(`README.md must have exactly one block tagged ${tag}`)
  return block
}

/**
 * The rows of each table whose head is `| key | default | … |` for ("key", "default", …), as trimmed cells.
 */
export function tablesOf(...head: string[]): string[][][] {
  const tables = README.matchAll(/^\|(.*)\|\n\|[-|]+\|\n((?:\|.*\|\n)+)/gm)
  return [...tables].flatMap(([, first = "", rows = ""]) =>
    cellsOf(first).join() === head.join()
      ? [
          rows
            .trimEnd()
            .split("\n")
            .map((row) => cellsOf(row.slice(1, -1))),
        ]
      : [],
  )
}

function cellsOf(row: string): string[] {
  return row.split("|").map((cell) => cell.trim())
}

/** The texts between backticks. */
export function codesIn(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code)
}
