/** Changes one entry of a registry in a file. */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { isDeepStrictEqual } from "node:util"
import type { EndpointEntry } from "../lib/registry/endpoint-schema.js"
import { readEntries } from "../lib/registry/file-source.js"
import { readRegularFile } from "../lib/settings/regular-file.js"
import { versionOf } from "../lib/shared/file-watch.js"
import { RunError } from "./run-error.js"

/** A store whose entries can be changed. Entries are as they are written, and unchecked. */
export interface EndpointEditor {
  list(): Promise<ReadonlyMap<string, unknown>>
  get(key: string): Promise<unknown>
  /** Puts an entry in the place of the one that there may be. */
  set(key: string, entry: EndpointEntry): Promise<void>
  /** Returns whether there was one. */
  remove(key: string): Promise<boolean>
  stop(): void
}

export class EndpointFile implements EndpointEditor {
  constructor(private readonly file: string) {}

  list(): Promise<ReadonlyMap<string, unknown>> {
    return readEntries(this.file)
  }

  async get(key: string): Promise<unknown> {
    return (await this.list()).get(key)
  }

  async set(key: string, entry: EndpointEntry): Promise<void> {
    await this.#change(key, entry)
  }

  async remove(key: string): Promise<boolean> {
    if (!(await this.list()).has(key)) return false
    await this.#change(key, undefined)
    return true
  }

  stop(): void {}

  async #change(key: string, entry: EndpointEntry | undefined): Promise<void> {
    const { file } = this
    const version = versionOf(file)
    const text = readRegularFile(file)
    const entries = new Map(await this.list())
    if (entry === undefined) entries.delete(key)
    else entries.set(key, entry)
    const table = { endpoints: Object.fromEntries(entries) }
    const isJson = /\.json$/i.test(file)
    const changed = isJson
      ? `${JSON.stringify(table, null, 2)}\n`
      : await changeToml(file, text, key, entry, table)
    if (versionOf(file) !== version) throw new RunError(`${file} has just been changed: try again`)
    replaceFile(file, changed)
  }
}

/** Replaces the tables of one entry, and keeps all other bytes. The result is checked by reading it. */
async function changeToml(
  file: string,
  text: string,
  key: string,
  entry: EndpointEntry | undefined,
  expected: { readonly endpoints: Readonly<Record<string, unknown>> },
): Promise<string> {
  const [{ parse, stringify }, { parseTOML }] = await Promise.all([
    import("smol-toml"),
    import("toml-eslint-parser"),
  ])
  const written =
    entry === undefined ? "" : `${stringify({ endpoints: Object.fromEntries([[key, entry]]) }).trim()}\n`
  const ranges = parseTOML(text).body[0].body.flatMap((node) => {
    const isOurs =
      node.type === "TOMLTable" && node.resolvedKey[0] === "endpoints" && node.resolvedKey[1] === key
    return isOurs ? [node.range] : []
  })
  let changed = ""
  let end = 0
  for (const [index, [from, to]] of ranges.entries()) {
    changed += text.slice(end, from) + (index === 0 ? written : "")
    // Up to the end of the line, on which there may be a comment.
    const lineEnd = text.indexOf("\n", to)
    end = lineEnd < 0 ? text.length : lineEnd + 1
  }
  changed = `${(changed + text.slice(end)).trimEnd()}\n`
  if (ranges.length === 0) changed = `${text.trimEnd()}\n\n${written}`.trimStart()
  if (!isDeepStrictEqual(plain({ endpoints: {}, ...parsedBy(parse, changed) }), plain(expected))) {
    throw new RunError(`${file}: the endpoint is not written as [endpoints.ID]: change it by hand`)
  }
  return changed
}

/** Nothing for text that can't be parsed. */
function parsedBy(parse: (text: string) => object, text: string): object {
  try {
    return parse(text)
  } catch {
    return {}
  }
}

/** Tables without what tells those of one parser from others. */
function plain(table: unknown): unknown {
  return JSON.parse(JSON.stringify(table))
}

/** In one step, so that rws never reads a half-written file. Mode and owner stay the same. */
function replaceFile(file: string, text: string): void {
  const target = realpathSync(file)
  const { mode, uid, gid } = statSync(target)
  const temporary = `${target}.${process.pid}.new`
  try {
    const descriptor = openSync(temporary, "wx", mode)
    try {
      fchownSync(descriptor, uid, gid)
      fchmodSync(descriptor, mode)
      writeFileSync(descriptor, text)
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    renameSync(temporary, target)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw new RunError(`${file} can't be changed: ${(error as Error).message}`)
  }
}
