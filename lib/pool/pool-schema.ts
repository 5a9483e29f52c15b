/** The keys of a `[pool.NAME]`, and of the pool that a listener or route may have of its own. */
import { z } from "zod"
import { listOf } from "../settings/kinds.js"
import { sparse } from "../settings/setting.js"
import { addressSchema, backendSchema } from "./backend-settings.js"
import { Pool } from "./pool.js"
import { type PoolOptions, poolSettingsSchema } from "./pool-settings.js"

/** What other programs call a pool, or the key that names one. */
export const POOL_NAMES = "cluster clusters pools service services default_backend use_backend"

const backends = z
  .instanceof(Pool)
  .or(listOf(addressSchema.or(backendSchema), 'expected a list of addresses, as in ["127.0.0.1:9000"]'))
  .superRefine(checkSettings)
  .describe("Backends: a list of addresses, or of tables with an `address`")
  .meta({
    flag: "backend",
    example: ["127.0.0.1:9000", "127.0.0.1:9001"],
    otherNames: `servers upstream upstreams backend targets target to proxy_pass reverse_proxy
      load_assignment endpoints lb_endpoints hosts`,
  })

/** `Pool` fills in the defaults, so that a pool made by a program has the same. */
const settings = sparse(poolSettingsSchema.shape)

/** The keys of a `[pool.NAME]`. `backends` may be a `Pool`, to change it while the proxy runs. */
export const poolSchema = z.strictObject({ backends, ...settings }, "expected [pool.NAME]")

/**
 * The same keys where they stand beside `backends` in a `[[ws_proxy]]` or a route: they make a pool of its
 * own.
 */
export const inlinePoolShape = { backends: backends.optional(), ...settings }

/** The settings of the pool of a listener or route. They were checked with it, and no file is read again. */
export function poolSettingsOf(place: z.output<z.ZodObject<typeof inlinePoolShape>>): PoolOptions {
  const entries = Object.entries(place).filter(([key]) => key in settings)
  return Object.fromEntries(entries) as PoolOptions
}

/** Nothing has checked the settings of a pool that is made by a program. */
function checkSettings(backends: unknown, context: z.RefinementCtx): void {
  if (!(backends instanceof Pool)) return
  for (const { path, message } of z.strictObject(settings).safeParse(backends.settings).error?.issues ?? []) {
    context.addIssue({ code: "custom", path: ["settings", ...path], message })
  }
}
