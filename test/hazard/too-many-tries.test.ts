import t from "tap"
import { deadAddress, startEchoBackend } from "../support/peers/backend.js"
import { nextRefusal, openTunnel, startProxy } from "../support/program/proxy.js"

t.test("a session dials at most max_tries backends, even if the next one would accept", async (t) => {
  const live = await startEchoBackend(t)
  const dead = [await deadAddress(), await deadAddress()]
  const backends = [...dead, live.address]
  const settings = { backends, max_fails: 0 }
  const hasty = await startProxy(t, { ...settings, max_tries: 2 })
  const refusal = nextRefusal(hasty)
  t.match((await openTunnel(hasty)).text, /^HTTP\/1\.1 502 /)
  t.match(await refusal, { reason: "backend_unreachable", backend: dead[1] })
  t.equal(live.peers.length, 0)

  const patient = await startProxy(t, { ...settings, max_tries: 3 })
  t.match((await openTunnel(patient)).text, /^HTTP\/1\.1 101 /)
})

t.test("a backend that is skipped because it is full does not count as a try", async (t) => {
  const [full, live] = [await startEchoBackend(t), await startEchoBackend(t)]
  const proxy = await startProxy(t, {
    backends: [{ address: full.address, max_connections: 1 }, live.address],
    max_tries: 1,
  })
  for (let session = 0; session < 4; session++) {
    t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 101 /)
  }
  t.same([full.peers.length, live.peers.length], [1, 3])
})
