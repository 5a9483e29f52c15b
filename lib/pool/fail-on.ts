/** `fail_on`: which failures of a backend count towards `max_fails`. */
import type { Stage } from "../close-reason.js"
import { SettingError } from "../settings/setting-error.js"

/** A stage at which an attempt may fail, or the status of a response. */
type Failure = Stage | number

const STATUS = /^status:([2-5]\d\d)$/

export class FailOn {
  /** Whether anything counts that comes after the dial, so that a dial alone proves nothing. */
  readonly judgesResponses: boolean
  readonly #failures: ReadonlySet<Failure>

  /**
   * @param texts each `dial`, `handshake` or `status:NNN`
   * @throws {SettingError}
   */
  constructor(texts: readonly string[]) {
    this.#failures = new Set(texts.map(parseFailure))
    this.judgesResponses = texts.some((text) => text !== "dial")
  }

  has(failure: Failure): boolean {
    return this.#failures.has(failure)
  }
}

/** Parses one entry of `fail_on`. Throws `SettingError`. */
export function parseFailure(text: string): Failure {
  if (text === "dial" || text === "handshake") return text
  const [, status] = STATUS.exec(text) ?? []
  if (status !== undefined) return Number(status)
  throw new SettingError(
    `"${text}" is not a failure: expected "dial", "handshake" or a status from 200 to 599, e.g. "status:503"`,
  )
}
