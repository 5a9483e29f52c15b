/** A line of a session between its start and its end, if the log shows it. */
export interface SessionStep {
  readonly level: "debug" | "trace"
  /** The log's message. */
  readonly text: string
  /** The address that is dialled. */
  readonly address?: string
  /** A head as it was received or sent, blank line included. May contain secrets, which the log hides. */
  readonly head?: string
  /** Names of its fields, in lower case, whose values are hidden besides those that `log.redact` names. */
  readonly hidden?: readonly string[]
}
