/**
 * The whole configuration: the keys at its top level and of `[log]`, and its tables. The schema is closed.
 */
import { z } from "zod"
import { parseRedactRule, Redaction } from "../http/redaction.js"
import { POOL_NAMES, poolSchema } from "../pool/pool-schema.js"
import { registrySchema } from "../registry/registry-schema.js"
import { flag, oneOf, parsedText, whole } from "../settings/kinds.js"
import { adminSchema } from "./admin-schema.js"
import { listenerSchema } from "./listener-schema.js"

const path = z.string("expected a path").min(1, "expected a path")

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

export const LOG_FORMATS = ["json", "pretty", "combined"] as const

export type LogFormat = (typeof LOG_FORMATS)[number]

const MAX_SAMPLE = 1_000_000

/** What the log never shows unless the configuration says otherwise. */
const REDACT = [
  "header:Authorization",
  "header:Proxy-Authorization",
  "header:Cookie",
  "header:Set-Cookie",
  "query:*",
]

export const logSchema = z.strictObject({
  level: oneOf(LOG_LEVELS)
    .default("info")
    .describe("Lowest level written: `trace`, `debug`, `info`, `warn`, `error` or `silent`")
    .meta({ flag: "log-level", otherNames: "logLevel" }),
  file: path
    .optional()
    .describe("File to which lines are appended; `SIGUSR1` opens it again, for logrotate")
    .meta({
      flag: "log-file",
      ifAbsent: "standard output",
      example: "/var/log/rws.log",
      atStart: true,
      otherNames: "access_log accessLog error_log log_file logFile filename",
    }),
  format: oneOf(LOG_FORMATS)
    .optional()
    .describe(
      "How lines are written: `json`, one object per line; `pretty`, text with one short line per session; `combined`, sessions as in Apache's access log with the reason at the end, and everything else on standard error",
    )
    .meta({
      flag: "log-format",
      ifAbsent: "pretty on a terminal, else json",
      example: "json",
      atStart: true,
      otherNames: "log_format logFormat option_httplog access_log_format",
    }),
  open: flag
    .default(false)
    .describe("Log a line when a tunnel opens, too, not only when a session ends")
    .meta({ flag: "log-open" }),
  sample: whole(1, MAX_SAMPLE)
    .default(1)
    .describe(
      "Log one of this many sessions, chosen by request id; sessions that end with a warning or an error are always logged",
    )
    .meta({ flag: "log-sample", otherNames: "sampling sample_rate" }),
  redact: z
    .array(
      parsedText(parseRedactRule, 'expected a rule, as in "header:Cookie"'),
      'expected a list of rules, as in ["header:Cookie", "query:*"]',
    )
    .transform((rules) => new Redaction(rules))
    .prefault(REDACT)
    .describe(
      "Values that the log replaces by `[redacted]`: `header:NAME` or `query:NAME`, or `*` for every name; heads are only logged at `trace`",
    )
    .meta({ otherNames: "redaction filter mask" }),
})

const MAX_WORKERS = 256

export const configSchema = z.strictObject({
  pid_file: path
    .optional()
    .describe(
      "File for the process id, written when every listener listens; `rws reload` and `rws --replace` find the running rws by it",
    )
    .meta({ ifAbsent: "none", example: "/run/rws/rws.pid", otherNames: "pid", atStart: true }),
  watch: flag.default(false).describe("Reload when the configuration file changes").meta({ flag: false }),
  workers: z
    .union([
      whole(1, MAX_WORKERS),
      z.literal("auto", `expected a whole number from 1 to ${MAX_WORKERS}, or "auto"`),
    ])
    .default(1)
    .describe(
      'Threads that serve clients: 1 = the main thread alone, 2 or more = that many worker threads, `"auto"` = one for each core; more than 1 needs Node.js 22.12',
    )
    .meta({
      flag: "workers",
      atStart: true,
      otherNames: "worker_processes nbthread nbproc threads concurrency instances",
    }),
  log: logSchema.prefault({}).meta({ otherNames: "logging logger" }),
  admin: adminSchema
    .prefault({})
    .meta({ otherNames: "stats metrics prometheus dashboard ping stats_socket monitoring telemetry" }),
  pool: z
    .record(z.string(), poolSchema, "expected [pool.NAME]")
    .default({})
    .meta({
      otherNames: `upstream upstreams backend proxy_pass reverse_proxy ${POOL_NAMES}`,
    }),
  registry: z
    .record(z.string(), registrySchema, "expected [registry.NAME]")
    .default({})
    .meta({ otherNames: "registries service_discovery endpoints_file" }),
  ws_proxy: z
    .array(listenerSchema, "expected [[ws_proxy]], with two pairs of brackets")
    .min(1, "expected at least one [[ws_proxy]]")
    .meta({
      otherNames: `listen proxy listener listeners frontend entryPoint entryPoints server servers http
        stream static_resources filter_chains`,
    }),
})

/** A configuration as it is written: what has a default may be left out. */
export type Config = z.input<typeof configSchema>
/** The keys of `[log]` that say what is written. */
export type LogSettings = Pick<Settings["log"], "open" | "sample" | "redact">
/** A whole configuration, parsed, with its defaults filled in. */
export type Settings = z.output<typeof configSchema>
