import { type AST, getStaticTOMLValue, parseTOML } from "toml-eslint-parser"
import type { ConfigProblem } from "./problem.js"

type Path = ConfigProblem["path"]
type Line = NonNullable<ConfigProblem["line"]>

/** The line of a key, and the keys below it. */
interface Place {
  readonly line: Line
  readonly below: Map<Path[number], Place>
}

/**
 * Returns a function that finds the line, from 1, on which a key stands in a valid TOML document. For a key
 * that is missing it is the line of the table that should hold it. (smol-toml does not say where a key was,
 * so this asks a parser that does.)
 */
export function lineFinder(toml: string): (path: Path) => Line | undefined {
  const top: Place = { line: 1, below: new Map() }
  try {
    for (const node of parseTOML(toml).body[0].body) collect(node, top, top)
  } catch {
    // A document that only one of the two parsers understands: this one fails at very long strings. Problems
    // are then reported without lines.
    return () => undefined
  }
  return (path) => {
    let place: Place | undefined = top
    let { line } = top
    for (const step of path) {
      place = place.below.get(step)
      if (place === undefined) break
      line = place.line
    }
    return line
  }
}

function collect(node: AST.TOMLTable | AST.TOMLKeyValue, top: Place, parent: Place): void {
  const isTable = node.type === "TOMLTable"
  const path = isTable ? node.resolvedKey : getStaticTOMLValue(node.key)
  let place = isTable ? top : parent
  for (const step of path) place = placeBelow(place, step, node.loc.start.line)
  if (isTable) for (const child of node.body) collect(child, top, place)
  else collectValue(node.value, top, place)
}

function collectValue(value: AST.TOMLContentNode, top: Place, parent: Place): void {
  if (value.type === "TOMLInlineTable") for (const child of value.body) collect(child, top, parent)
  if (value.type === "TOMLArray") {
    value.elements.forEach((element, index) => {
      collectValue(element, top, placeBelow(parent, index, element.loc.start.line))
    })
  }
}

/** A key may occur again, as the beginning of a longer one. Its first line counts. */
function placeBelow({ below }: Place, step: Path[number], line: Line): Place {
  const place = below.get(step) ?? { line, below: new Map() }
  below.set(step, place)
  return place
}
