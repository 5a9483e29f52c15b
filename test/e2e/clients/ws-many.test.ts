import t from "tap"
import { deadAddress } from "../../support/peers/backend.js"
import { closeOf, connectWs, echo, messagesOf, startWsBackend } from "../../support/peers/ws-backend.js"
import { logOf, serveRws, untilLogged } from "../../support/program/program.js"

const CLIENTS = 200
const MESSAGES = 20

t.test(`${CLIENTS} concurrent clients each get only their own messages back`, async (t) => {
  const backends = await Promise.all([startWsBackend(t, echo), startWsBackend(t, echo)])
  const { rws, address } = await serveRws(
    t,
    backends.map((backend) => backend.address),
  )

  const talk = async (name: number) => {
    const client = await connectWs(t, `ws://${address}/${name}`)
    const next = messagesOf(client)
    const sent = Array.from({ length: MESSAGES }, (_, index) => `client ${name}, message ${index}`)
    for (const message of sent) client.send(message)
    const received: string[] = []
    while (received.length < MESSAGES) received.push(String((await next()).data))
    return { client, sent, received }
  }
  const talks = await Promise.all(Array.from({ length: CLIENTS }, (_, name) => talk(name)))
  t.strictSame(
    talks.map(({ received }) => received),
    talks.map(({ sent }) => sent),
  )
  t.strictSame(
    backends.map(({ server }) => server.clients.size),
    [CLIENTS / 2, CLIENTS / 2],
    "sessions are distributed equally while all are open",
  )

  const ends = talks.map(({ client }) => closeOf(client))
  for (const { client } of talks) client.close(1000)
  t.ok((await Promise.all(ends)).every(({ code }) => code === 1000))
  await Promise.all(talks.map((_, name) => untilLogged(rws, ({ path }) => path === `/${name}`)))
  t.equal(
    logOf(rws).filter(({ reason }) => reason === "client_fin" || reason === "backend_fin").length,
    CLIENTS,
  )
})

t.test("two backends get sessions in turn", async (t) => {
  const seen: string[] = []
  const one = await startWsBackend(t, () => seen.push("one"))
  const two = await startWsBackend(t, () => seen.push("two"))
  const { address } = await serveRws(t, [one.address, two.address])
  for (let session = 0; session < 6; session++) await connectWs(t, `ws://${address}`)
  t.strictSame(seen, ["one", "two", "one", "two", "one", "two"])
})

t.test("clients do not notice that one of two backends is down", async (t) => {
  const backend = await startWsBackend(t, echo)
  const { address } = await serveRws(t, [await deadAddress(), backend.address])
  for (let session = 0; session < 4; session++) {
    const client = await connectWs(t, `ws://${address}`)
    const next = messagesOf(client)
    client.send(`session ${session}`)
    t.equal(String((await next()).data), `session ${session}`)
  }
})
