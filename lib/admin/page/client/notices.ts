/** What the page says about actions: the result of one, and a question before a destructive one. */
import { byId, setText } from "./dom.js"

const SHOWN_MS = 6000
let hiding: ReturnType<typeof setTimeout> | undefined

/** Shown for a while at the lower edge, and read out by screen readers. */
export function notify(text: string, kind: "good" | "bad" = "good"): void {
  const notice = byId("notice", HTMLParagraphElement)
  notice.className = kind
  setText(notice, text)
  clearTimeout(hiding)
  hiding = setTimeout(() => {
    notice.className = "gone"
    setText(notice, "")
  }, SHOWN_MS)
}

/**
 * Says how an action went.
 * @param done what to say when it has been carried out
 */
export async function report<T>(action: Promise<T>, done: string | ((result: T) => string)): Promise<void> {
  try {
    const result = await action
    notify(typeof done === "string" ? done : done(result))
  } catch (error) {
    notify(`${error instanceof Error ? error.message : error}`, "bad")
  }
}

/** Escape and the Cancel button mean no. */
export function confirmed(question: string, verb: string): Promise<boolean> {
  const dialog = byId("confirm", HTMLDialogElement)
  setText(byId("confirm-text", HTMLParagraphElement), question)
  setText(byId("confirm-yes", HTMLButtonElement), verb)
  dialog.returnValue = ""
  dialog.showModal()
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true })
  })
}
