/**
 * The whole configuration: the keys at its top level and of `[log]`, and its tables. The schema is closed.
 */
import { z } from "zod"
import { POOL_NAMES, poolSchema } from "../pool/pool-schema.js"
import { flag, oneOf, whole } from "../settings/kinds.js"
import { adminSchema } from "./admin-schema.js"
import { listenerSchema } from "./listener-schema.js"

const path = z.string("expected a path").min(1, "expected a path")

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

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
/** A whole configuration, parsed, with its defaults filled in. */
export type Settings = z.output<typeof configSchema>
