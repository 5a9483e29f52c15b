/**
 * A registry in a file, TOML or JSON: `[endpoints.ID]` with the keys of an entry. All of it is in memory, and
 * a change of the file counts at once.
 */
import { readRegularFile } from "../settings/regular-file.js"
import { SettingError } from "../settings/setting-error.js"
import { isTable } from "../settings/table.js"
import { FileWatch, versionOf } from "../shared/file-watch.js"
import { type Endpoint, parseEndpoint } from "./endpoint-schema.js"
import type { EndpointSource } from "./endpoint-source.js"

type Endpoints = ReadonlyMap<string, Endpoint>
type ParseText = (text: string) => unknown

export class FileSource implements EndpointSource {
  #endpoints: Endpoints = new Map()
  #watch: FileWatch | undefined
  #isStopped = false

  /** @param onFault told of a new version of the file that can't be used, or if the file can't be watched */
  constructor(
    private readonly file: string,
    private readonly onFault: (error: Error) => void,
  ) {}

  get(key: string): Endpoint | undefined {
    return this.#endpoints.get(key)
  }

  async prepare(): Promise<void> {
    const parse = await parserFor(this.file)
    // Before it is read, so that no later change goes unnoticed.
    const version = versionOf(this.file)
    this.#endpoints = readEndpoints(this.file, parse)
    if (this.#isStopped) return
    this.#watch ??= new FileWatch(this.file, version, () => this.#readAgain(parse), this.onFault)
  }

  stop(): void {
    this.#isStopped = true
    this.#watch?.close()
  }

  /** A version with a mistake changes nothing: the endpoints of the last good one remain. */
  #readAgain(parse: ParseText): void {
    try {
      this.#endpoints = readEndpoints(this.file, parse)
    } catch (error) {
      this.onFault(error as Error)
    }
  }
}

/** Imported lazily: whoever has the endpoints in JSON or in another store does not load it. */
async function parserFor(file: string): Promise<ParseText> {
  if (/\.json$/i.test(file)) return JSON.parse
  const { parse } = await import("smol-toml")
  return parse
}

/** Reads a file as a registry does when it begins. Throws `SettingError`. */
export async function checkEndpoints(file: string): Promise<void> {
  readEndpoints(file, await parserFor(file))
}

/** The tables of the entries as they are written, by key. Throws `SettingError`. */
export async function readEntries(file: string): Promise<ReadonlyMap<string, unknown>> {
  return entriesOf(file, await parserFor(file))
}

/** Throws a `SettingError` that names the entry that is invalid. */
function readEndpoints(file: string, parse: ParseText): Endpoints {
  const endpoints = new Map<string, Endpoint>()
  for (const [id, entry] of entriesOf(file, parse)) {
    try {
      endpoints.set(id, parseEndpoint(id, entry))
    } catch (error) {
      if (!(error instanceof SettingError)) throw error
      throw new SettingError(`"${file}": ${error.message}`, { cause: error })
    }
  }
  return endpoints
}

function entriesOf(file: string, parse: ParseText): ReadonlyMap<string, unknown> {
  const table = parsed(file, parse)
  const [other] = isTable(table) ? Object.keys(table).filter((key) => key !== "endpoints") : []
  if (other !== undefined)
    throw new SettingError(`"${file}": unknown key "${other}": expected [endpoints.ID]`)
  const { endpoints = {} } = isTable(table) ? table : { endpoints: undefined }
  if (!isTable(table) || !isTable(endpoints)) {
    throw new SettingError(`"${file}": expected a table "endpoints" with an entry for each endpoint`)
  }
  return new Map(Object.entries(endpoints))
}

function parsed(file: string, parse: ParseText): unknown {
  const text = readRegularFile(file)
  // An empty file has no endpoints, in JSON too.
  if (text.trim() === "") return {}
  try {
    return parse(text)
  } catch (error) {
    throw new SettingError(`"${file}" can't be parsed${placeOf(error)}`)
  }
}

/** The messages of both parsers show parts of the file, which may hold secrets. */
function placeOf(error: unknown): string {
  const { line, message } = error as { line?: number; message: string }
  if (line !== undefined) return `: line ${line} is not valid TOML`
  const place = /at (position \d+)/.exec(message)?.[1]
  return place === undefined ? ": it is not valid JSON" : `: it is not valid JSON at ${place}`
}
