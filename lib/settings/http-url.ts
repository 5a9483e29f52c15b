/** URLs that rws sends requests of its own to. */
import { SettingError } from "./setting-error.js"

/** Throws `SettingError` unless `text` is a URL of HTTP without user, password and fragment. */
export function checkHttpUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:"
  if (url === undefined || !isHttp || !/^https?:\/\/[^/]/i.test(text)) {
    throw new SettingError("not a URL of HTTP: expected http://host[:port]/path or https://…")
  }
  // The text is not repeated, since it may contain a password.
  if (url.username !== "" || url.password !== "") {
    throw new SettingError("a URL here can't contain a user or password: it would show in logs and errors")
  }
  if (url.hash !== "") throw new SettingError("a URL here can't contain a fragment (#): it is never sent")
}
