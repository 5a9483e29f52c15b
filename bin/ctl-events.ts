/** `rws ctl events`: prints what happens in a running rws, one line per event, until one of the two ends. */
import type { AdminClient } from "./admin-client.js"

/** What people want to know of an event, in this order. `--json` has everything. */
const SHOWN = [
  ...["listener", "client", "pool", "backend", "path", "status", "reason", "tunnelMs"],
  ...["worker", "state", "sessions", "cut", "changes", "count"],
]

export async function followEvents(client: AdminClient, isJson: boolean): Promise<void> {
  let text = ""
  for await (const part of client.stream("/api/events")) {
    const blocks = (text + part).split("\n\n")
    text = blocks.pop() ?? ""
    for (const block of blocks) {
      const line = lineOf(block, isJson)
      if (line !== undefined) console.log(line)
    }
  }
}

/** undefined for a comment, which only shows that rws is still there. */
function lineOf(block: string, isJson: boolean): string | undefined {
  const [, event, json = "{}"] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? []
  if (event === undefined) return undefined
  if (isJson) return JSON.stringify({ event, data: JSON.parse(json) })
  const data: Readonly<Record<string, unknown>> = JSON.parse(json)
  const facts = SHOWN.flatMap((name) => (data[name] === undefined ? [] : [`${name}=${written(data[name])}`]))
  return [new Date().toISOString(), event, ...facts].join(" ")
}

/** Quoted unless it is one printable word: paths come from clients. */
function written(value: unknown): string {
  return typeof value === "string" && /^[\x21\x23-\x7e]+$/.test(value)
    ? value
    : escaped(JSON.stringify(value))
}

/** JSON leaves C1 control characters as they are, and terminals act on them. */
function escaped(json: string): string {
  return json.replace(/[\x7f-\x9f]/g, "?")
}
