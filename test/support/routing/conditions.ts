/** Parses the conditions of a route as a configuration has them. */
import type { z } from "zod"
import type { RouteConditions } from "../../../lib/routing/conditions.js"
import { routeSchema } from "../../../lib/routing/route-schema.js"
import { SettingError } from "../../../lib/settings/setting-error.js"

const conditionsSchema = routeSchema.pick({ host: true, path: true, header: true, query: true })

/** Conditions as they are written. */
export type WrittenConditions = z.input<typeof conditionsSchema>

/** Throws a `SettingError` with the messages of all problems. */
export function parseConditions(written: WrittenConditions): RouteConditions {
  const { data, error } = conditionsSchema.safeParse(written)
  if (data === undefined) throw new SettingError(messagesOf(error?.issues ?? []).join("; "))
  return data
}

function messagesOf(issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.flatMap((issue) =>
    issue.code === "invalid_union" ? issue.errors.flatMap(messagesOf) : issue.message,
  )
}
