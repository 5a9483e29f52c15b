import { type AST, getStaticTOMLValue, ParseError, parseTOML } from "toml-eslint-parser"
import type { ConfigProblem } from "./problem.js"

type Path = ConfigProblem["path"]
type Line = NonNullable<ConfigProblem["line"]>

/**
 * The line, from 1, on which a key stands in a valid TOML document. For a key that is missing it is the line
 * of the table that should hold it. (smol-toml does not say where a key was, so this asks a parser that
 * does.)
 */
export function lineOf(toml: string, path: Path): Line {
  try {
    const places: Place[] = []
    for (const node of parseTOML(toml).body[0].body) collect(node, [], places)
    const around = places.filter((place) => place.path.every((step, index) => step === path[index]))
    return around.reduce((best, place) => (place.path.length > best.path.length ? place : best), TOP).line
  } catch (error) {
    if (error instanceof ParseError) return TOP.line
    throw error
  }
}

interface Place {
  readonly path: Path
  readonly line: Line
}

const TOP: Place = { path: [], line: 1 }

function collect(node: AST.TOMLTable | AST.TOMLKeyValue, parent: Path, places: Place[]): void {
  const path = node.type === "TOMLTable" ? node.resolvedKey : [...parent, ...getStaticTOMLValue(node.key)]
  const { line } = node.loc.start
  for (let steps = parent.length + 1; steps <= path.length; steps++)
    places.push({ path: path.slice(0, steps), line })
  if (node.type === "TOMLTable") for (const child of node.body) collect(child, path, places)
  else collectValue(node.value, path, places)
}

function collectValue(value: AST.TOMLContentNode, path: Path, places: Place[]): void {
  if (value.type === "TOMLInlineTable") for (const child of value.body) collect(child, path, places)
  if (value.type === "TOMLArray") {
    value.elements.forEach((element, index) => {
      places.push({ path: [...path, index], line: element.loc.start.line })
      collectValue(element, [...path, index], places)
    })
  }
}
