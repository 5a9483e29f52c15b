/** `registry_key`: the part of a request that names its endpoint. */
import { hostName } from "../address/host-pattern.js"
import { SessionEnd } from "../close-reason.js"
import type { FieldEdit } from "../http/field-writer.js"
import { valuesOf } from "../http/head.js"
import { SettingError } from "../settings/setting-error.js"
import { toFieldEdits } from "../upgrade/field-rules.js"
import { removeQuery } from "../upgrade/remove-query.js"
import type { UpgradeRequest } from "../upgrade/upgrade-request.js"

export interface EndpointKey {
  /**
   * Reads the key, decoded. Throws `SessionEnd("no_endpoint_key")` unless the request has exactly one valid
   * key.
   * @param path the request target for the backend, after rewriting by the route
   */
  read(request: UpgradeRequest, path: string): string
  /** Takes the key out of the request target for the backend. */
  removeFrom(path: string): string
  /** Take the key out of the request's fields. */
  readonly edits: readonly FieldEdit[]
}

const MAX_KEY_LENGTH = 128
const MAX_INDEX = 100
const EXPECTED = '"query:NAME", "header:NAME", "path:N" (the Nth segment) or "host:N" (the Nth label)'

/** Parses `query:NAME`, `header:NAME`, `path:N` or `host:N`, where N counts from 1. Throws `SettingError`. */
export function parseEndpointKey(text: string): EndpointKey {
  const colon = text.indexOf(":")
  const name = text.slice(colon + 1)
  switch (colon < 0 || name === "" ? "" : text.slice(0, colon)) {
    case "query":
      return inQuery(name)
    case "header":
      // Every request has exactly one Host, which is not removed.
      if (name.toLowerCase() === "host") {
        throw new SettingError(`"${text}" is not a registry_key: use "host:N", the Nth label of the Host`)
      }
      return inHeader(name)
    case "path":
      return inPath(toIndex(text, name))
    case "host":
      return inHost(toIndex(text, name))
    default:
      throw new SettingError(`"${text}" is not a registry_key: expected ${EXPECTED}`)
  }
}

/** Whether text may be a key. Dots alone would be a dot segment in the URL of a store. */
export function isEndpointKey(text: string): boolean {
  return text !== "" && text.length <= MAX_KEY_LENGTH && !/\p{Cc}/u.test(text) && !/^\.\.?$/.test(text)
}

const NO_EDITS: readonly FieldEdit[] = []
const unchanged = (path: string) => path

function inQuery(name: string): EndpointKey {
  return {
    read: (_, path) => {
      const mark = path.indexOf("?")
      const query = mark < 0 ? "" : path.slice(mark + 1)
      return theOne(new URLSearchParams(`&${query}`).getAll(name))
    },
    removeFrom: (path) => removeQuery(path, [name]),
    edits: NO_EDITS,
  }
}

function inHeader(name: string): EndpointKey {
  const edits = toFieldEdits({ remove: [name] })
  const key = name.toLowerCase()
  return { read: ({ fields }) => theOne(valuesOf(fields, key)), removeFrom: unchanged, edits }
}

function inPath(index: number): EndpointKey {
  return {
    read: (_, path) => theOne([decoded(segmentsOf(path)[index] ?? "")]),
    removeFrom: (path) => {
      const mark = path.indexOf("?")
      const rest = segmentsOf(path).filter((_segment, at) => at !== index)
      // A leading "//" would be parsed as a host name (RFC 3986 §4.2), and some servers treat "\" like "/".
      const left = `/${rest.slice(1).join("/")}`.replace(/^[/\\]{2,}/, "/")
      return mark < 0 ? left : left + path.slice(mark)
    },
    edits: NO_EDITS,
  }
}

function inHost(index: number): EndpointKey {
  return {
    read: ({ host }) => {
      const name = hostName(host)
      return theOne([name.startsWith("[") ? "" : (name.split(".")[index - 1] ?? "")])
    },
    removeFrom: unchanged,
    edits: NO_EDITS,
  }
}

/** The segments of the path, behind the empty text before the first slash. */
function segmentsOf(path: string): string[] {
  const mark = path.indexOf("?")
  return (mark < 0 ? path : path.slice(0, mark)).split("/")
}

/** Two servers could each take another of several values. */
function theOne(values: readonly string[]): string {
  const [key = "", ...more] = new Set(values)
  if (more.length > 0) throw new SessionEnd("no_endpoint_key", "it names more than one")
  if (key === "") throw new SessionEnd("no_endpoint_key")
  if (!isEndpointKey(key)) throw new SessionEnd("no_endpoint_key", "its key is too long or not valid")
  return key
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new SessionEnd("no_endpoint_key", "its key is not valid UTF-8")
  }
}

function toIndex(text: string, index: string): number {
  const number = /^[1-9]\d*$/.test(index) ? Number(index) : 0
  if (number < 1 || number > MAX_INDEX) {
    throw new SettingError(`"${text}" is not a registry_key: expected a number from 1 to ${MAX_INDEX}`)
  }
  return number
}
