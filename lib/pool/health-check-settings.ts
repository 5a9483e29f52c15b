/** The keys of `health_check`: active checks of the backends of a pool. */
import { z } from "zod"
import { isHostField } from "../address/address.js"
import { deadlineMs, listOf, oneOf, whole } from "../settings/kinds.js"

const status = whole(100, 599)

export const healthCheckSchema = z.strictObject(
  {
    type: oneOf(["tcp", "http", "ws"])
      .default("tcp")
      .describe(
        'How to check: `"tcp"` connects (with TLS for `wss://`), `"http"` expects a status, `"ws"` makes an upgrade',
      )
      .meta({ example: "http" }),
    path: z
      .string('expected a path, as in "/health"')
      .regex(/^\/[\x21\x22\x24-\x7e]*$/, 'expected a path, as in "/health"')
      .default("/")
      .describe("Path that `http` and `ws` request, appended to the backend's own path")
      .meta({ example: "/health", otherNames: "uri health_uri health_path" }),
    host: z
      .string("expected host or host:port")
      .refine(isHostField, "expected host or host:port")
      .optional()
      .describe("Host that `http` and `ws` send")
      .meta({ ifAbsent: "the backend's", example: "chat.example.com", otherNames: "hosts" }),
    interval_ms: deadlineMs
      .default(5000)
      .describe("Time from one check to the next, ± 10 %")
      .meta({ example: 10_000, otherNames: "interval inter health_interval" }),
    timeout_ms: deadlineMs
      .default(2000)
      .describe("Deadline for one whole check")
      .meta({ example: 3000, otherNames: "timeout health_timeout timeout_check" }),
    healthy_threshold: whole(1, 1000)
      .default(2)
      .describe("Consecutive passed checks that bring a backend back")
      .meta({ example: 3, otherNames: "rise passes health_passes" }),
    unhealthy_threshold: whole(1, 1000)
      .default(3)
      .describe("Consecutive failed checks that take a backend down")
      .meta({ example: 2, otherNames: "fall fails health_fails" }),
    expect_status: status
      .or(listOf(status, "expected a status or a list of them"))
      .optional()
      .describe("Status or list of statuses that `http` accepts")
      .meta({
        ifAbsent: "any 2xx",
        example: [200, 204],
        otherNames: "health_status expected_statuses expect_statuses",
      }),
  },
  "expected a table, as in [pool.NAME.health_check]",
)

export type HealthCheckSettings = Readonly<z.output<typeof healthCheckSchema>>

export const HEALTH_CHECK_DEFAULTS: HealthCheckSettings = healthCheckSchema.parse({})

/** How many consecutive checks make a backend healthy or unhealthy. */
export type HealthThresholds = Pick<HealthCheckSettings, "healthy_threshold" | "unhealthy_threshold">
