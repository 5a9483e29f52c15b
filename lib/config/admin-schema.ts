/** The keys of `[admin]`: the address for metrics, health and whatever else operators ask for. */
import { z } from "zod"
import { type Address, parseBindAddress } from "../address/address.js"
import { parsedText } from "../settings/kinds.js"

/** As a Bearer token (RFC 6750 §2.1) can be written. */
const TOKEN = /^[\w.~+/-]+=*$/
const MIN_TOKEN = 16

export const adminSchema = z.strictObject({
  bind: parsedText(parseBindAddress, 'expected an address, as in "127.0.0.1:9600"')
    .optional()
    .describe(
      "Address of the admin server: `host:port`, `[v6]:port` or `unix:/path`; any other than loopback or a Unix socket needs a token",
    )
    .meta({
      flag: "admin-bind",
      ifAbsent: "off",
      example: "127.0.0.1:9600",
      atStart: true,
      otherNames: "listen address addr port socket",
    }),
  token: z
    .string("expected a token")
    .min(MIN_TOKEN, `expected at least ${MIN_TOKEN} characters`)
    .regex(TOKEN, "expected letters, digits and . _ ~ + / - only, with = at the end")
    .optional()
    .describe(
      `Secret of at least ${MIN_TOKEN} characters that requests must send, as \`Authorization: Bearer TOKEN\``,
    )
    .meta({ flag: false, ifAbsent: "none", isSecret: true, atStart: true }),
  token_file: z
    .string("expected a path")
    .min(1, "expected a path")
    .optional()
    .describe(
      `File with the secret that requests must send, at least ${MIN_TOKEN} characters, in place of \`token\`; it is read at the start`,
    )
    .meta({ flag: "admin-token-file", ifAbsent: "none", example: "/etc/rws/admin.token", atStart: true }),
})

/** Whether only programs on this machine can connect to this address. */
export function isLocal(address: Address): boolean {
  if (address.kind === "unix") return true
  return address.host === "localhost" || address.host === "::1" || /^127(\.\d+){3}$/.test(address.host)
}
