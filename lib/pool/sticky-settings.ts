/** The keys of `sticky_attributes`: where and how long browsers keep the sticky cookie. */
import { z } from "zod"
import { flag, oneOf, whole } from "../settings/kinds.js"

/** Browsers cut longer lifetimes to 400 days (RFC 6265bis §5.6.2). */
const MAX_AGE_S = 400 * 24 * 60 * 60
const LABEL = /[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/.source
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)

export const stickyAttributesSchema = z.strictObject(
  {
    same_site: oneOf(["lax", "strict", "none"])
      .default("lax")
      .describe(
        'Pages of which sites get it: `"lax"`, `"strict"` or `"none"` (pages of other sites connect with it too; always `Secure`)',
      )
      .meta({ example: "none" }),
    partitioned: flag
      .default(false)
      .describe(
        "One cookie for each site whose pages embed this one (CHIPS), where browsers block third-party cookies; always `Secure`",
      )
      .meta({ example: true }),
    domain: z
      .string("expected a domain")
      .regex(DOMAIN, 'expected a domain, as in "example.com"')
      .optional()
      .describe("Domain whose subdomains get the cookie too")
      .meta({ ifAbsent: "only the host of the request", example: "example.com" }),
    path: z
      .string('expected a path, as in "/chat"')
      .regex(/^\/[\x21-\x3a\x3c-\x7e]*$/, 'expected a path, as in "/chat"')
      .default("/")
      .describe("Path that requests with the cookie begin with")
      .meta({ example: "/chat" }),
    max_age_s: whole(0, MAX_AGE_S)
      .default(0)
      .describe(
        "Seconds that the browser keeps the cookie after the last connection, at most 400 days; 0 = until it is closed",
      )
      .meta({ example: 3600, otherNames: "max_age expires" }),
  },
  'expected a table, as in { same_site = "none", partitioned = true }',
)

export type StickyAttributes = Readonly<z.output<typeof stickyAttributesSchema>>

export const STICKY_DEFAULTS: StickyAttributes = stickyAttributesSchema.parse({})
