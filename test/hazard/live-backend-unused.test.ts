/** No client gets a 502 while one of the backends is up. */
import { once } from "node:events"
import t, { type Test } from "tap"
import { Pool, type RunningProxy } from "../../lib/index.js"
import { deadAddress, type RawBackend, startEchoBackend } from "../support/peers/backend.js"
import { nextEnd, openTunnel, startProxy } from "../support/program/proxy.js"

/** Longer than any test: an ejection ends only when a dial succeeds. */
const LONG_MS = 600_000

async function stop({ server, peers }: RawBackend): Promise<void> {
  for (const { socket } of peers) socket.destroy()
  server.close()
  await once(server, "close")
}

async function restart({ server, address }: RawBackend): Promise<void> {
  server.listen(Number(address.split(":")[1]), "127.0.0.1")
  await once(server, "listening")
}

/** Runs one session to its end. Resolves to its backend, or to the status of its refusal. */
async function useOnce(proxy: RunningProxy): Promise<string | undefined> {
  const client = await openTunnel(proxy)
  if (!client.text.startsWith("HTTP/1.1 101 ")) return client.text.slice(9, 12)
  const end = nextEnd(proxy)
  client.socket.end()
  return (await end).backend
}

async function serve(t: Test, backends: string[]) {
  const pool = new Pool(backends, { fail_timeout_ms: LONG_MS })
  const ejected = new Set<string>()
  pool.onHealthChange(({ backend, isUp }) => {
    if (isUp) ejected.delete(backend)
    else ejected.add(backend)
  })
  return { proxy: await startProxy(t, { backends: pool }), ejected }
}

for (const max_fails of [0, 3]) {
  t.test(
    `with max_fails ${max_fails}, all clients of a dead primary get the backup, even the first`,
    async (t) => {
      const [dead, backup] = [await deadAddress(), await startEchoBackend(t)]
      const proxy = await startProxy(t, {
        backends: [dead, { address: backup.address, backup: true }],
        max_fails,
      })
      for (let session = 0; session < 5; session++) t.equal(await useOnce(proxy), backup.address)
    },
  )
}

t.test("two backups share the clients of dead primaries equally", async (t) => {
  const dead = [await deadAddress(), await deadAddress()]
  const backups = [await startEchoBackend(t), await startEchoBackend(t)]
  const proxy = await startProxy(t, {
    backends: [...dead, ...backups.map(({ address }) => ({ address, backup: true }))],
    max_fails: 0,
  })
  for (let session = 0; session < 6; session++) await openTunnel(proxy)
  t.same(
    backups.map(({ peers }) => peers.length),
    [3, 3],
  )
})

t.test(
  "a backend that recovers before its ejection ends takes over from one that has just died",
  async (t) => {
    const [first, second] = [await startEchoBackend(t), await startEchoBackend(t)]
    const { proxy, ejected } = await serve(t, [first.address, second.address])
    await stop(first)
    for (let session = 0; session < 6; session++) t.equal(await useOnce(proxy), second.address)
    t.same([...ejected], [first.address])
    await restart(first)
    await stop(second)
    t.equal(await useOnce(proxy), first.address)
    t.same([...ejected], [])
    for (let session = 0; session < 6; session++) t.equal(await useOnce(proxy), first.address)
    t.same([...ejected], [second.address])
  },
)

t.test("if both recover while ejected, the primary is preferred over the backup", async (t) => {
  const [primary, backup] = [await startEchoBackend(t), await startEchoBackend(t)]
  const third = await startEchoBackend(t)
  const pool = new Pool([{ address: backup.address, backup: true }, primary.address, third.address], {
    fail_timeout_ms: LONG_MS,
  })
  for (const member of pool.members.slice(0, 2))
    for (let dial = 0; dial < 3; dial++) pool.failed(member, "refused")
  const proxy = await startProxy(t, { backends: pool })
  await stop(third)
  t.equal(await useOnce(proxy), primary.address)
  t.equal(backup.peers.length, 0)
})
