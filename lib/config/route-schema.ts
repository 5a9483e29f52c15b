/** A route: which requests it takes, where they go, and under which rules. */
import { z } from "zod"
import { parseOriginPattern } from "../access/origin.js"
import { isHostField } from "../address/address.js"
import { parseHostPattern } from "../address/host-pattern.js"
import { isPlainPath, parsePathPattern } from "../routing/path-pattern.js"
import { toRouteMatch } from "../routing/route.js"
import { EVEN_IF_INVALID, faultIn, flag, listOf, textFor } from "../settings/kinds.js"
import { toTable } from "../settings/table.js"
import { toFieldEdits } from "../upgrade/field-rules.js"
import { checkSubprotocol } from "../upgrade/subprotocols.js"
import { inlinePoolShape } from "./pool-schema.js"

const fieldRulesSchema = z
  .strictObject(
    {
      set: z
        .record(z.string(), z.string("expected text"), 'expected a table, as in { Name = "value" }')
        .default({})
        .describe("Fields that are written in place of those of the same name"),
      remove: z
        .array(z.string("expected the name of a field"), "expected a list of names")
        .default([])
        .describe("Fields that are left out"),
    },
    "expected a table with set and remove",
  )
  .superRefine(checkFieldRules, EVEN_IF_INVALID)

/** The rules that a listener has and a route may have otherwise; without the defaults, which are the listener's. */
export const ruleKeys = {
  host_header: z
    .string('expected "backend", "client" or a literal host[:port]')
    .refine(isHostField, 'expected "backend", "client" or a literal host[:port]')
    .describe('Host sent to the backend: "backend" (its address), "client" (as it came) or a literal'),
  request_headers: fieldRulesSchema.describe("Fields of the request that are set or removed"),
  response_headers: fieldRulesSchema.describe("Fields of the relayed 101 that are set or removed"),
  allowed_origins: z
    .array(
      textFor(parseOriginPattern, "expected an origin"),
      'expected a list of origins, as in ["https://app.example.com"]',
    )
    .describe(
      'Origins that may connect, as in "https://app.example.com", "https://*.example.com" or "null"; none = all',
    ),
  require_origin: flag.describe("Refuse a request without Origin"),
  subprotocols: z
    .array(textFor(checkSubprotocol, "expected a subprotocol"), "expected a list of subprotocols")
    .describe("Subprotocols that may be offered to the backend; none = all"),
}

const hostPattern = textFor(parseHostPattern, 'expected a host, as in "chat.example.com" or "*.example.com"')
const wanted = z.record(
  z.string(),
  z
    .string('expected text, or true for "present"')
    .or(z.literal(true, 'expected text, or true for "present"')),
  'expected a table, as in { name = "value", other = true }',
)

/** The keys of a `[[ws_proxy.route]]`. */
export const routeSchema = z.strictObject({
  host: hostPattern
    .or(listOf(hostPattern, "expected a host or a list of hosts"))
    .optional()
    .describe("Hosts that are asked for: exact or *.example.com"),
  path: textFor(parsePathPattern, 'expected a path, as in "/chat"')
    .optional()
    .describe("Path: a prefix, =/exact or ~regex"),
  header: wanted
    .superRefine(checkFields, EVEN_IF_INVALID)
    .optional()
    .describe("Fields that must be there, with a value or at all"),
  query: wanted.optional().describe("Query parameters that must be there, with a value or at all"),
  strip_prefix: flag.optional().describe("Take the prefix off before the backend is asked"),
  rewrite: z
    .string('expected a path, as in "/new"')
    .refine(isPlainPath, 'expected a path as it is sent, without query and dot segments, as in "/new"')
    .optional()
    .describe("What the backend is asked for in place of the matched path"),
  pool: z.string("expected the name of a pool").optional().describe("Name of the pool that serves it"),
  ...inlinePoolShape,
  ...z.strictObject(ruleKeys).partial().shape,
})

/** Judges each field by itself, so that all faults are told at once. */
function checkFields(fields: unknown, context: z.RefinementCtx): void {
  for (const [name, value] of Object.entries(toTable(fields))) {
    const condition = { [name]: typeof value === "string" ? value : (true as const) }
    const message = faultIn(() => toRouteMatch({ header: condition }, undefined))
    if (message !== undefined) context.addIssue({ code: "custom", path: [name], message })
  }
}

/** Adds rule by rule to those that were good, so that all faults are told at once, each with its own key. */
function checkFieldRules(rules: unknown, context: z.RefinementCtx): void {
  const { set, remove } = toTable(rules)
  const goodFields: [string, string][] = []
  const goodNames: string[] = []
  const isGood = (field: [string, string][], names: string[], path: (string | number)[]) => {
    const all = { set: Object.fromEntries([...goodFields, ...field]), remove: [...goodNames, ...names] }
    const message = faultIn(() => toFieldEdits(all))
    if (message !== undefined) context.addIssue({ code: "custom", path, message })
    return message === undefined
  }
  for (const [name, value] of Object.entries(toTable(set))) {
    if (typeof value === "string" && isGood([[name, value]], [], ["set", name]))
      goodFields.push([name, value])
  }
  for (const [index, name] of (Array.isArray(remove) ? remove : []).entries()) {
    if (typeof name === "string" && isGood([], [name], ["remove", index])) goodNames.push(name)
  }
}
