/**
 * What stages tell the log at `debug` and `trace`. Nothing is formatted or allocated if it does not show
 * them.
 */
import { type Address, formatAddress } from "../address/address.js"
import type { FieldEdit } from "../http/field-writer.js"
import type { LogDetail } from "../ops/log-detail.js"
import type { Observer } from "../ops/observer.js"
import type { SessionSummary } from "../ops/session-summary.js"

interface Telling {
  readonly summary: SessionSummary
  readonly listener: { readonly detail: LogDetail; readonly observer: Pick<Observer, "sessionStep"> }
}

/** At `debug`: what the session does now. @param address where it connects to */
export function tell({ summary, listener }: Telling, text: string, address?: Address): void {
  const { detail, observer } = listener
  if (!detail.isDebug) return
  const step = { level: "debug", text } as const
  observer.sessionStep(summary, address === undefined ? step : { ...step, address: formatAddress(address) })
}

/**
 * At `trace`: a head that was received or will be sent.
 * @param edits those from the configuration, whose values may be secret
 */
export function tellHead(
  { summary, listener }: Telling,
  text: string,
  head: string,
  edits: readonly FieldEdit[] = [],
): void {
  const { detail, observer } = listener
  if (!detail.isTrace) return
  observer.sessionStep(summary, { level: "trace", text, head, hidden: edits.map(({ key }) => key) })
}
