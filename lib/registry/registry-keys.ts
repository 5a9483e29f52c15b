/** The keys of a listener or route that lead its requests to the endpoints of a registry. */
import { z } from "zod"
import { flag, parsedText } from "../settings/kinds.js"
import { parseEndpointKey } from "./endpoint-key.js"

export const registryKeys = {
  registry: z
    .string("expected the name of a registry")
    .optional()
    .describe(
      "Name of the `[registry.NAME]` in which each request's endpoint is looked up, in place of `pool`",
    )
    .meta({ flag: false, ifAbsent: "none", example: "endpoints" }),
  registry_key: parsedText(parseEndpointKey, 'expected a part of the request, as in "query:endpointId"')
    .optional()
    .describe(
      'Where a request names its endpoint: `"query:NAME"`, `"header:NAME"`, `"path:1"` (the first segment, after `strip_prefix` and `rewrite`) or `"host:1"` (the first label)',
    )
    .meta({ flag: false, ifAbsent: "none", example: "query:endpointId" }),
  keep_key: flag
    .default(false)
    .describe("Pass `registry_key` on to the backend; otherwise it is removed, except from the Host")
    .meta({ flag: false, example: true }),
}
