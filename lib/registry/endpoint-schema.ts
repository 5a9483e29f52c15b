/** One entry of a registry: where the endpoint is, and the rules that it brings. */
import { z } from "zod"
import { parseOriginPattern, toOriginCheck } from "../access/origin.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { Field } from "../http/head.js"
import { checkedText, faultIn, flag, limit, parsedText } from "../settings/kinds.js"
import { SettingError } from "../settings/setting-error.js"
import { toFieldEdits } from "../upgrade/field-rules.js"
import { type EndpointUrl, EXPECTED_URL, parseEndpointUrl } from "./endpoint-url.js"

export interface Endpoint extends EndpointUrl {
  readonly id: string
  readonly isActive: boolean
  readonly edits: readonly FieldEdit[]
  /** Throws `SessionEnd("bad_origin")`. */
  readonly checkOrigin: (fields: readonly Field[]) => void
  /** 0 = unlimited. */
  readonly maxConnections: number
}

const schema = z.strictObject(
  {
    url: checkedText(parseEndpointUrl, EXPECTED_URL),
    active: flag.default(true),
    fields: z
      .record(z.string(), z.string("expected text"), "expected a table of fields to set")
      .superRefine((set, context) => {
        const message = faultIn(() => toFieldEdits({ set }))
        if (message !== undefined) context.addIssue({ code: "custom", message })
      })
      .default({}),
    allowed_origins: z
      .array(parsedText(parseOriginPattern, "expected an origin"), "expected a list of origins")
      .default([]),
    max_connections: limit.default(0),
  },
  "expected a table with a url",
)

/** An entry as it is written. */
export type EndpointEntry = z.input<typeof schema>

/**
 * Parses an entry. Throws a `SettingError` that names the entry, and not its values: they may be secret.
 */
export function parseEndpoint(id: string, entry: unknown): Endpoint {
  const { data, error } = schema.safeParse(entry)
  if (error !== undefined) throw new SettingError(`endpoint ${JSON.stringify(id)}: ${describe(error)}`)
  const { url, active, fields, allowed_origins, max_connections } = data
  return {
    id,
    ...parseEndpointUrl(url),
    isActive: active,
    edits: toFieldEdits({ set: fields }),
    checkOrigin: toOriginCheck({ allowed_origins, require_origin: false }),
    maxConnections: max_connections,
  }
}

function describe({ issues }: z.ZodError): string {
  return issues
    .map((issue) => {
      if (issue.code === "unrecognized_keys") return `unknown key ${issue.keys.join(", ")}`
      return issue.path.length === 0 ? issue.message : `${issue.path.join(".")}: ${issue.message}`
    })
    .join("; ")
}
