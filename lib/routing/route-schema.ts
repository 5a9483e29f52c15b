/** The keys of a route: which requests it matches, where they go, and under which rules. */
import { z } from "zod"
import { forwardAuthSchema } from "../access/forward-auth-schema.js"
import { jwtSchema } from "../access/jwt-schema.js"
import { checkOrigin, parseOriginPattern } from "../access/origin.js"
import { isHostField } from "../address/address.js"
import { parseHostPattern } from "../address/host-pattern.js"
import { inlinePoolShape, POOL_NAMES } from "../pool/pool-schema.js"
import { registryKeys } from "../registry/registry-keys.js"
import { checkedText, EVEN_IF_INVALID, faultIn, flag, listOf, parsedText } from "../settings/kinds.js"
import { sparse } from "../settings/setting.js"
import { toTable } from "../settings/table.js"
import { toFieldEdits } from "../upgrade/field-rules.js"
import { checkSubprotocol } from "../upgrade/subprotocols.js"
import { toFieldCondition } from "./conditions.js"
import { isPlainPath, parsePathPattern } from "./path-pattern.js"

export const fieldRulesTable = z.strictObject(
  {
    set: z
      .record(z.string(), z.string("expected text"), 'expected a table, as in { Name = "value" }')
      .default({})
      .describe("Fields to set, in place of those of the same name")
      .meta({ isSecret: true, otherNames: "add append add_header" }),
    remove: z
      .array(z.string("expected the name of a field"), "expected a list of names")
      .default([])
      .describe("Names of fields to remove")
      .meta({ otherNames: "delete del unset" }),
  },
  "expected a table with set and remove",
)

const fieldRules = fieldRulesTable.superRefine(checkFieldRules, EVEN_IF_INVALID).transform(toFieldEdits)

/** The rules that a listener has and its routes may override. */
export const ruleKeys = {
  host_header: z
    .string('expected "backend", "client" or a literal host[:port]')
    .refine(isHostField, 'expected "backend", "client" or a literal host[:port]')
    .default("backend")
    .describe(
      'Host that the backend gets: `"backend"` (its address), `"client"` (as received) or a literal `host[:port]`',
    )
    .meta({
      otherNames: `changeOrigin passHostHeader hostRewrite host_rewrite_literal auto_host_rewrite
        preserveHost`,
    }),
  request_headers: fieldRules
    .prefault({})
    .describe(
      'Fields to set and to remove in the request: `set = { X-Name = "value" }`, `remove = ["X-Name"]`; the client\'s `X_Name`, which CGI, WSGI and PHP read as the same field, is removed too',
    )
    .meta({
      ifAbsent: "no change",
      example: { set: { "X-Env": "production" }, remove: ["Cookie"] },
      otherNames: `headers proxy_set_header header_up request_header customRequestHeaders
        request_headers_to_add request_headers_to_remove http-request`,
    }),
  response_headers: fieldRules
    .prefault({})
    .describe("Fields to set and to remove in the `101` that the client gets, in the same form")
    .meta({
      ifAbsent: "no change",
      example: { remove: ["Server"] },
      otherNames: `add_header header_down response_header customResponseHeaders proxy_hide_header
        response_headers_to_add response_headers_to_remove http-response`,
    }),
  allowed_origins: z
    .array(
      parsedText(parseOriginPattern, "expected an origin"),
      'expected a list of origins, as in ["https://app.example.com"]',
    )
    .default([])
    .describe(
      'Origins that may connect: `"https://app.example.com"`, `"https://*.example.com"`, `"null"`; empty = all',
    )
    .meta({
      flag: "allowed-origin",
      otherNames: `origins origin_check checkOrigin allow_origin allow_origins cors
        accessControlAllowOriginList`,
    }),
  require_origin: flag
    .default(false)
    .describe("Refuse requests without Origin; clients other than browsers usually send none"),
  origin: checkedText(checkOrigin, 'expected an origin, as in "https://app.example.com"')
    .optional()
    .describe(
      "Origin that the backend gets from clients that send none; `allowed_origins` and `require_origin` go by what the client has sent",
    )
    .meta({ ifAbsent: "none", example: "https://app.example.com", otherNames: "default_origin" }),
  jwt: jwtSchema
    .optional()
    .describe("Table: clients must send a signed token")
    .meta({ ifAbsent: "none", otherNames: "auth_jwt jwt_authn jwtauth tokens bearer" }),
  forward_auth: forwardAuthSchema
    .optional()
    .describe("Table: a service that is asked whether a client may connect; after `jwt`")
    .meta({ ifAbsent: "none", otherNames: "auth_request forwardAuth ext_authz forward-auth" }),
  ...registryKeys,
  subprotocols: z
    .array(checkedText(checkSubprotocol, "expected a subprotocol"), "expected a list of subprotocols")
    .transform((names): ReadonlySet<string> => new Set(names))
    .prefault([])
    .describe("The only subprotocols that the backend is offered; empty = all")
    .meta({ flag: "subprotocol", otherNames: "protocols subprotocol" }),
}

const hostPattern = parsedText(
  parseHostPattern,
  'expected a host, as in "chat.example.com" or "*.example.com"',
)
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
    .transform((patterns) => [patterns].flat())
    .optional()
    .describe(
      "Host or list of hosts: exact, or `*.example.com` for every name below; case and port are ignored",
    )
    .meta({
      ifAbsent: "any",
      example: ["game.example.com", "*.game.example.com"],
      otherNames: "domains server_name hosts",
    }),
  path: parsedText(parsePathPattern, 'expected a path, as in "/chat"')
    .optional()
    .describe(
      'Path: `"/chat"` matches `/chat` and what is below it, not `/chatty`; `"=/chat"` only that path; `"~/chat/[0-9]+"` is a regular expression for the whole path (RE2, linear time)',
    )
    .meta({ ifAbsent: "any", example: "/play", otherNames: "pathPrefix prefix uri pathRegexp safe_regex" }),
  header: wanted
    .superRefine(checkFields, EVEN_IF_INVALID)
    .transform((fields) => Object.entries(fields).map(([name, value]) => toFieldCondition(name, value)))
    .optional()
    .describe("Fields that the request must have: with this value, or `true` for any value")
    .meta({
      ifAbsent: "any",
      example: { "X-Beta": "yes", Cookie: true },
      isSecret: true,
      otherNames: "headers",
    }),
  query: wanted
    .optional()
    .describe(
      "Query parameters, decoded, that the request must have: with this value, or `true` for any value",
    )
    .meta({ ifAbsent: "any", example: { v: "2", debug: true }, isSecret: true }),
  ...sparse({
    strip_prefix: flag
      .default(false)
      .describe("Remove the matched prefix before the path is sent to the backend; needs a prefix as `path`")
      .meta({ example: true, otherNames: "stripPrefix uri_strip_prefix" }),
    skip_auth: flag
      .default(false)
      .describe("Requests that match need not pass the listener's `jwt` and `forward_auth`")
      .meta({ example: true, otherNames: "satisfy public allow_anonymous" }),
  }),
  rewrite: z
    .string('expected a path, as in "/new"')
    .refine(isPlainPath, 'expected a path as it is sent, without query and dot segments, as in "/new"')
    .optional()
    .describe(
      "Path for the backend instead of the matched prefix, or of the whole path if `path` is exact or an expression",
    )
    .meta({
      ifAbsent: "none",
      example: "/v2/feed",
      otherNames: `replacePath replacePathRegex prefix_rewrite regex_rewrite pathRewrite`,
    }),
  pool: z.string("expected the name of a pool").optional().describe("Name of the pool for this route").meta({
    ifAbsent: "the listener's",
    example: "game",
    otherNames: POOL_NAMES,
  }),
  ...inlinePoolShape,
  backends: inlinePoolShape.backends
    .describe("Backends, in place of `pool`; the keys of a pool may be set here too")
    .meta({ ifAbsent: "the listener's" }),
  ...sparse(ruleKeys),
})

/** Checks each field by itself, to report all problems at once. */
function checkFields(fields: unknown, context: z.RefinementCtx): void {
  for (const [name, value] of Object.entries(toTable(fields))) {
    const message = faultIn(() => toFieldCondition(name, typeof value === "string" ? value : true))
    if (message !== undefined) context.addIssue({ code: "custom", path: [name], message })
  }
}

/** Adds rule after rule to those that were valid, to report all problems at once, each with its own key. */
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
