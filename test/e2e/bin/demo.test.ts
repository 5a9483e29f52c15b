import t, { type Test } from "tap"
import { connectWs, messagesOf } from "../../support/peers/ws-backend.js"
import { Program, startRws } from "../../support/program/program.js"

/** Starts the demo and waits until it has printed its introduction. */
async function startDemo(t: Test): Promise<{ demo: Program; url: string; command: string }> {
  const demo = startRws(t, ["demo"])
  const [, url = "", command = ""] = await demo.untilOutput(
    /^It works: (ws:\/\/\S+)\nTry it [^\n]*:\n\n {2}(\S[^\n]*)\n\n/m,
  )
  return { demo, url, command }
}

t.test("rws demo sends a greeting through itself and shows the echo", async (t) => {
  const { demo } = await startDemo(t)
  const [, sent] = await demo.untilOutput(/^sent +(.+)$/m)
  const [, received] = await demo.untilOutput(/^received +(.+)$/m)
  t.equal(received, sent)
  t.equal(demo.stderr, "")
})

t.test("the URL that rws demo prints works, on both of its backends", async (t) => {
  const { demo, url } = await startDemo(t)
  const [, one, two] = await demo.untilOutput(/^echo backends on (\S+) and (\S+),/m)
  t.not(one, two)
  for (const path of ["/first", "/second"]) {
    const client = await connectWs(t, url + path)
    const next = messagesOf(client)
    client.send(path)
    t.equal(String((await next()).data), path)
    client.close()
  }
  const [, first] = await demo.untilOutput(/^session .* -> (\S+) \/first /m)
  const [, second] = await demo.untilOutput(/^session .* -> (\S+) \/second /m)
  t.strictSame([first, second].sort(), [one, two].sort())
})

t.test("the command that rws demo prints works verbatim, and its session is shown", async (t) => {
  const { demo, command } = await startDemo(t)
  const shell = Program.start(t, "sh", ["-c", command])
  t.strictSame(await shell.untilExit(), { code: 0, signal: null })
  t.equal(shell.stdout, "hi\n")
  const session = String.raw`session +127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+ / 101 \S+, \d+ B in, \d+ B out\n`
  await demo.untilOutput(new RegExp(`^${session}(?:.*\n)*${session}`, "m"))
})

t.test("a request without an upgrade gets its line too", async (t) => {
  const { demo, url } = await startDemo(t)
  const answer = await fetch(url.replace("ws:", "http:"))
  t.equal(answer.status, 400)
  await demo.untilOutput(/^session .* 400 /m)
})

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  t.test(`rws demo exits with code 0 at ${signal}`, async (t) => {
    const { demo } = await startDemo(t)
    demo.signal(signal)
    t.strictSame(await demo.untilExit(), { code: 0, signal: null })
    t.equal(demo.stderr, "")
  })
}

t.test("rws demo uses free ports, so that two can run concurrently", async (t) => {
  const [one, two] = await Promise.all([startDemo(t), startDemo(t)])
  t.not(one.url, two.url)
})
