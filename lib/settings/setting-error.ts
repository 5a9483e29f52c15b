/** A setting that can't be understood or can't be used. The message says what is wrong and what is expected. */
export class SettingError extends Error {
  override readonly name: string = "SettingError"
}
