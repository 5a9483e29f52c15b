import type { Test } from "tap"
import { BindError } from "../../../lib/index.js"

/** Checks that starting a proxy fails with a `BindError` with this message. */
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
