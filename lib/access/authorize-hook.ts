/** A program's `authorize` hook as a check of requests. */
import type { AccessCheck, AskedRequest, Asking, Grant } from "./check.js"
import { callHook, type HookChanges, type HookRequest, type HookTiming, Refusal, toChanges } from "./hook.js"

/**
 * Decides whether a client may connect: returns to let it in, with changes or without, and throws a `Refusal`
 * to refuse it. `false` is a refusal with 403. Any other error is a 500 and is logged; a decision that takes
 * longer than `hookTimeoutMs` is a 504.
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

function toGrant(decided: HookChanges | boolean | undefined): Grant {
  if (decided === false) throw new Refusal(403, "this client may not connect")
  return decided === undefined || decided === true ? {} : toChanges(decided)
}
