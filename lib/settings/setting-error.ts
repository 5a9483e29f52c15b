/** An invalid or unusable setting. The message says what is wrong and what is expected. */
export class SettingError extends Error {
  override readonly name: string = "SettingError"
}
