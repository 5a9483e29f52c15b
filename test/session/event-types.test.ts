/** The types of the events' sessions, compiled against the published declarations. */
import t from "tap"
import { complaintsAbout } from "../support/program/consumer.js"

/** A handler with one statement about the event's `session`. */
function handler(event: string, statement: string): string {
  return `
import type { CloseReason, RunningProxy, Who } from "rws-proxy"
export function listen(proxy: RunningProxy): void {
  proxy.on("${event}", (session) => {
    ${statement}
  })
}
`
}

const sound: readonly [event: string, statement: string][] = [
  ["open", "const listener: string = session.listener; void listener"],
  ["open", "const path: string | undefined = session.path; void path"],
  ["end", "const reason: CloseReason = session.reason; void reason"],
  ["end", "const who: Who = session.who; void who"],
  ["end", "const status: number | undefined = session.status; void status"],
  ["refuse", "const reason: CloseReason = session.reason; void reason"],
  ["refuse", "const who: Who = session.who; void who"],
  ["refuse", "const status: number = session.status; void status"],
]

const unsound: readonly [event: string, statement: string, complaint: RegExp][] = [
  ["open", "void session.reason", /Property 'reason' does not exist/],
  ["open", "void session.who", /Property 'who' does not exist/],
  [
    "end",
    "const status: number = session.status; void status",
    /'undefined' is not assignable to type 'number'/,
  ],
  ["refuse", 'session.reason = "bad_request"', /'reason' because it is a read-only property/],
  ["refused", "void session.client", /./],
]

t.test("fields that every session of an event has may be used", async (t) => {
  const complaints = await complaintsAbout(
    t,
    sound.map(([event, statement]) => handler(event, statement)),
  )
  for (const [index, [event, statement]] of sound.entries()) {
    t.strictSame(complaints[index], [], `${event}: ${statement}`)
  }
})

t.test("fields that a session of an event may lack are compile errors", async (t) => {
  const complaints = await complaintsAbout(
    t,
    unsound.map(([event, statement]) => handler(event, statement)),
  )
  for (const [index, [event, statement, complaint]] of unsound.entries()) {
    t.match(complaints[index]?.join("\n"), complaint, `${event}: ${statement}`)
  }
})
