/** A program's `authorize` hook as a check of requests. */
import type { AccessCheck, AskedRequest, Asking, Grant } from "./check.js"
import {
  CHANGES,
  callHook,
  type HookChanges,
  type HookRequest,
  type HookTiming,
  Refusal,
  toChanges,
} from "./hook.js"
import { tableWith } from "./returned.js"

/**
 * Decides whether a client may connect: returns to let it in, with changes or without, and throws a `Refusal`
 * to refuse it. `false` is a refusal with 403. Any other error is a 500 and is logged, and so is any other
 * result, such as `null` or an unknown key; a decision that takes longer than `hookTimeoutMs` is a 504.
 * @param signal aborted when the client leaves or the time is over
 */
export type Authorize = (
  request: HookRequest,
  signal: AbortSignal,
) => HookChanges | boolean | undefined | Promise<HookChanges | boolean | undefined>

export class AuthorizeHook implements AccessCheck {
  constructor(
    private readonly hook: Authorize,
    private readonly timing: HookTiming,
  ) {}

  check(asked: AskedRequest, asking: Asking): Promise<Grant> {
    return callHook(this.hook, asked, asking, this.timing, toGrant)
  }
}

const checkChanges = tableWith(CHANGES)

function toGrant(decided: HookChanges | boolean | undefined): Grant {
  if (decided === false) throw new Refusal(403, "this client may not connect")
  if (decided === undefined || decided === true) return {}
  checkChanges(decided, ["authorize"])
  return toChanges(decided)
}
