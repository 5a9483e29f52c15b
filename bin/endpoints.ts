/** `rws endpoints`: shows and changes the entries of a registry in a file or in Redis. */
import { isEndpointKey } from "../lib/registry/endpoint-key.js"
import { type EndpointEntry, parseEndpoint } from "../lib/registry/endpoint-schema.js"
import type { RegistrySettings } from "../lib/registry/registry-schema.js"
import { toTable as asTable } from "../lib/settings/table.js"
import { systemClock } from "../lib/shared/clock.js"
import { type ConfigArguments, readConfig } from "./config-options.js"
import { type EndpointEditor, EndpointFile } from "./endpoint-file.js"
import { RunError } from "./run-error.js"
import { toTable } from "./text-table.js"
import { UsageError } from "./usage-error.js"

export type EndpointArguments = ConfigArguments & {
  readonly order?: string | undefined
  readonly key?: string | undefined
  readonly url?: string | undefined
  readonly registry?: string | undefined
  readonly json?: boolean | undefined
  readonly field?: readonly string[] | undefined
  readonly "allowed-origin"?: readonly string[] | undefined
  readonly "max-connections"?: number | undefined
}

export async function endpoints(given: EndpointArguments): Promise<void> {
  const { order = "", key, url } = given
  if (url !== undefined && order !== "set") throw new UsageError(`rws endpoints ${order} takes no URL`)
  const { settings } = await readConfig({ config: given.config })
  const editor = await editorOf(choose(settings.registry, given.registry))
  try {
    if (order === "list") await list(editor, given)
    else await carryOut(editor, toKey(order, key), given)
  } finally {
    editor.stop()
  }
}

async function carryOut(editor: EndpointEditor, key: string, given: EndpointArguments): Promise<void> {
  const known = await editor.get(key)
  switch (given.order) {
    case "get":
      if (known === undefined) throw unknown(key)
      console.log(JSON.stringify(known, null, 2))
      return
    case "set":
      await put(editor, key, { ...asTable(known), ...givenIn(given) })
      return
    case "remove":
      if (!(await editor.remove(key))) throw unknown(key)
      console.log(`${key} has been removed.`)
      return
    default:
      if (known === undefined) throw unknown(key)
      await put(editor, key, { ...asTable(known), active: given.order === "enable" })
  }
}

/** An entry that rws would refuse is not written. */
async function put(editor: EndpointEditor, key: string, entry: object): Promise<void> {
  const { isActive, address, basePath } = parseEndpoint(key, entry)
  await editor.set(key, entry as EndpointEntry)
  console.log(`${key} is ${isActive ? "active" : "inactive"} at ${address}${basePath}.`)
}

async function list(editor: EndpointEditor, { key, json = false }: EndpointArguments): Promise<void> {
  if (key !== undefined) throw new UsageError("rws endpoints list takes no key; see rws endpoints get")
  const entries = [...(await editor.list())].sort(([one], [other]) => (one < other ? -1 : 1))
  if (json) {
    console.log(JSON.stringify(Object.fromEntries(entries), null, 2))
    return
  }
  const rows = entries.map(([id, entry]) => ({ id, ...asTable(entry) }) as Readonly<Record<string, unknown>>)
  const lines = toTable<Readonly<Record<string, unknown>>>(
    [
      { title: "ENDPOINT", text: ({ id }) => String(id) },
      { title: "ACTIVE", text: ({ active = true }) => (active === true ? "yes" : "no") },
      { title: "URL", text: ({ url }) => String(url) },
    ],
    rows,
  )
  for (const line of lines) console.log(line)
}

/** The keys of the entry that the command line sets. */
function givenIn({
  url,
  field,
  "allowed-origin": origins,
  "max-connections": limit,
}: EndpointArguments): object {
  return {
    ...(url !== undefined && { url }),
    ...(field !== undefined && { fields: Object.fromEntries(field.map(toField)) }),
    ...(origins !== undefined && { allowed_origins: origins }),
    ...(limit !== undefined && { max_connections: limit }),
  }
}

function toField(text: string): [name: string, value: string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined) throw new UsageError(`--field: "${text}" is not NAME=VALUE`)
  return [name, value]
}

function toKey(order: string, key: string | undefined): string {
  if (key === undefined) throw new UsageError(`rws endpoints ${order} needs the key of an endpoint`)
  if (!isEndpointKey(key)) throw new UsageError(`${JSON.stringify(key)} can't be the key of an endpoint`)
  return key
}

function unknown(key: string): RunError {
  return new RunError(`there is no endpoint ${JSON.stringify(key)}`)
}

function choose(
  registries: Readonly<Record<string, RegistrySettings>>,
  wanted: string | undefined,
): RegistrySettings {
  const names = Object.keys(registries)
  if (names.length === 0) throw new UsageError("the configuration has no [registry.NAME]")
  const [only, ...others] = wanted === undefined ? names : [wanted]
  const found = only !== undefined && Object.hasOwn(registries, only) ? registries[only] : undefined
  if (found === undefined)
    throw new UsageError(`there is no registry "${only}"; there is: ${names.join(", ")}`)
  if (others.length > 0) throw new UsageError(`which one? --registry ${names.join(" or --registry ")}`)
  return found
}

async function editorOf(settings: RegistrySettings): Promise<EndpointEditor> {
  const { store, file = "", url = "" } = settings
  if (store === "file") return new EndpointFile(file)
  if (store === "http")
    throw new UsageError("a registry behind HTTP is read-only: change it where it is kept")
  const { RedisEditor } = await import("./endpoint-redis.js")
  return RedisEditor.open({ ...settings, url }, systemClock)
}
