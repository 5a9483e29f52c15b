import type { Test } from "tap"
import { BindError } from "../../../lib/index.js"

/** Checks that a proxy that is being started fails with a `BindError` that says this. */
export async function checkBindError(
  t: Test,
  starting: Promise<unknown>,
  says: string | RegExp,
): Promise<void> {
  const error = await starting.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  t.type(error, BindError)
  if (!(error instanceof BindError)) return
  if (typeof says === "string") t.equal(error.message, says)
  else t.match(error.message, says)
}
