import t from "tap"
import { EventStream } from "../../lib/admin/event-stream.js"
import { thrownBy } from "../support/project/thrown.js"

/** The text of the next parts until it matches. */
async function readUntil(parts: AsyncIterator<string>, pattern: RegExp): Promise<string> {
  let text = ""
  while (!pattern.test(text)) {
    const { value, done } = await parts.next()
    if (done) throw new Error(`the stream has ended after ${text}`)
    text += value
  }
  return text
}

function subscribe(stream: EventStream) {
  const gone = new AbortController()
  const parts = stream.subscribe(gone.signal)[Symbol.asyncIterator]()
  return { gone, parts }
}

t.test("a reader gets the events from its beginning on", async (t) => {
  const stream = new EventStream()
  stream.publish({ event: "before", data: {} })
  t.equal(stream.isRead, false)
  const { gone, parts } = subscribe(stream)
  await readUntil(parts, /: rws/)
  t.equal(stream.isRead, true)
  stream.publish({ event: "open", data: { client: "192.0.2.1:5000" } })
  stream.publish({ event: "end", data: { text: "one\ntwo" } })
  const text = await readUntil(parts, /event: end[\s\S]*\n\n/)
  t.equal(
    text,
    'event: open\ndata: {"client":"192.0.2.1:5000"}\n\nevent: end\ndata: {"text":"one\\ntwo"}\n\n',
  )
  gone.abort()
  t.equal((await parts.next()).done, true)
  t.equal(stream.isRead, false)
})

t.test("a reader that does not read loses events, and is told how many", async (t) => {
  const stream = new EventStream()
  const [slow, quick] = [subscribe(stream), subscribe(stream)]
  await readUntil(slow.parts, /: rws/)
  await readUntil(quick.parts, /: rws/)
  let quickly = ""
  const publish = (from: number, to: number) => {
    for (let number = from; number < to; number++) stream.publish({ event: "open", data: { number } })
  }
  publish(0, 200)
  quickly += await readUntil(quick.parts, /"number":199}/)
  publish(200, 400)
  quickly += await readUntil(quick.parts, /"number":399}/)
  const text = await readUntil(slow.parts, /event: lost[\s\S]*\n\n/)
  t.equal(text.match(/event: open/g)?.length, 250)
  t.match(text, '"number":249}')
  t.match(text, 'event: lost\ndata: {"count":150}')
  t.equal(quickly.match(/event: open/g)?.length, 400, "others lose nothing")
  t.notMatch(quickly, "lost")
  slow.gone.abort()
  quick.gone.abort()
  await Promise.all([slow.parts.next(), quick.parts.next()])
})

t.test("a reader that goes while it waits ends at once", async (t) => {
  const stream = new EventStream()
  const { gone, parts } = subscribe(stream)
  await readUntil(parts, /: rws/)
  const next = parts.next()
  gone.abort()
  t.equal((await next).done, true)
  t.equal(stream.isRead, false)
})

t.test("a reader that goes before the first part is forgotten", async (t) => {
  const stream = new EventStream()
  const gone = new AbortController()
  stream.subscribe(gone.signal)
  t.equal(stream.isRead, true)
  gone.abort()
  t.equal(stream.isRead, false)
})

t.test("the eleventh reader is refused, and comes in when another has gone", async (t) => {
  const stream = new EventStream()
  const readers = Array.from({ length: 10 }, () => subscribe(stream))
  await Promise.all(readers.map(({ parts }) => parts.next()))
  t.match(
    thrownBy(() => subscribe(stream)),
    { name: "AdminError", status: 503 },
  )
  readers[0]?.gone.abort()
  await readers[0]?.parts.next()
  readers.push(subscribe(stream))
  for (const { gone, parts } of readers) {
    gone.abort()
    await parts.next()
  }
})

t.test("at the end the readers get what waits for them", async (t) => {
  const stream = new EventStream()
  const [busy, idle] = [subscribe(stream), subscribe(stream)]
  await readUntil(busy.parts, /: rws/)
  await readUntil(idle.parts, /: rws/)
  const next = idle.parts.next()
  stream.publish({ event: "stop", data: {} })
  stream.end()
  t.match(await readUntil(busy.parts, /\n\n/), "event: stop")
  t.match((await next).value, "event: stop")
  for (const { parts } of [busy, idle, subscribe(stream)]) {
    let { done, value } = await parts.next()
    if (value === ": rws\n\n") ({ done, value } = await parts.next())
    t.equal(done, true, value)
  }
})
