/** The keys of `tls`: how rws speaks TLS with `wss://` backends. */
import { z } from "zod"
import { flag } from "../settings/kinds.js"
import { NO_TERMINATION } from "../settings/tls-advice.js"

const file = z.string("expected the path of a PEM file").min(1, "expected the path of a PEM file")

export const tlsSchema = z.strictObject(
  {
    ca: file.optional().describe("PEM file of the trusted certificate authorities").meta({
      ifAbsent: "those of Node.js",
      example: "/etc/rws/ca.pem",
      otherNames: "cafile rootCAs proxy_ssl_trusted_certificate tls_trust_pool tls_trusted_ca_certs",
    }),
    cert: file.optional().describe("PEM file of the certificate that rws presents, with its chain").meta({
      ifAbsent: "none",
      example: "/etc/rws/client.pem",
      otherNames: "certFile proxy_ssl_certificate tls_client_auth",
    }),
    key: file.optional().describe("PEM file of its private key").meta({
      ifAbsent: "none",
      example: "/etc/rws/client.key",
      otherNames: "keyFile proxy_ssl_certificate_key",
    }),
    server_name: z
      .string("expected a host name")
      .regex(/^[A-Za-z0-9.-]+$/, "expected a host name")
      .optional()
      .describe("Host name to request (SNI) and verify")
      .meta({
        ifAbsent: "the backend's host",
        example: "chat.example.com",
        otherNames: "sni tls_server_name proxy_ssl_name proxy_ssl_server_name",
      }),
    insecure_skip_verify: flag.default(false).describe("Accept any certificate; for tests only").meta({
      otherNames: `insecure secure verify rejectUnauthorized tls_insecure_skip_verify proxy_ssl_verify`,
    }),
  },
  `expected a table, as in [pool.NAME.tls], for wss:// backends; ${NO_TERMINATION}`,
)

export type TlsSettings = Readonly<z.input<typeof tlsSchema>>
