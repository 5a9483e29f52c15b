/** Asks for the token of `[admin]` when the API wants one. */
import { ApiError, getJson, useToken } from "./api.js"
import { byId, setText } from "./dom.js"

let asking: Promise<void> | undefined

/** Resolves once a login has succeeded. There is at most one dialog. */
export function login(): Promise<void> {
  asking ??= askForToken().finally(() => {
    asking = undefined
  })
  return asking
}

function askForToken(): Promise<void> {
  const dialog = byId("login", HTMLDialogElement)
  const form = byId("login-form", HTMLFormElement)
  const token = byId("token", HTMLInputElement)
  const error = byId("login-error", HTMLParagraphElement)
  dialog.showModal()
  // Nothing can be shown without the token, so Escape has nothing to go back to.
  dialog.onclose = () => dialog.showModal()
  return new Promise((resolve) => {
    form.onsubmit = async (event) => {
      event.preventDefault()
      try {
        useToken(token.value)
        await getJson("/api/status")
      } catch (reason) {
        setText(error, messageOf(reason))
        token.select()
        return
      }
      setText(error, "")
      form.reset()
      dialog.onclose = null
      dialog.close()
      resolve()
    }
  })
}

function messageOf(reason: unknown): string {
  if (reason instanceof ApiError && reason.status === 401) return "This is not the token."
  return `The login failed: ${reason instanceof Error ? reason.message : reason}`
}
