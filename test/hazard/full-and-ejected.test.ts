/** While one backend is full, clients must not wait for another one that is ejected. */
import t from "tap"
import { startEchoBackend } from "../support/peers/backend.js"
import { startUnansweringPort } from "../support/peers/unanswering-port.js"
import { nextRefusal, openTunnel, SHORT_MS, startProxy } from "../support/program/proxy.js"

t.test("a client gets 503 at once when one backend is full and the other one ejected", async (t) => {
  const live = await startEchoBackend(t)
  const silent = await startUnansweringPort(t)
  const proxy = await startProxy(t, {
    backends: [{ address: live.address, max_connections: 1 }, silent],
    connect_timeout_ms: SHORT_MS,
    max_fails: 1,
  })
  const first = await openTunnel(proxy)
  t.match(first.text, /^HTTP\/1\.1 101 /)

  let refusal = nextRefusal(proxy)
  t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 504 /)
  t.match(await refusal, { reason: "connect_timeout", backend: silent })

  for (let session = 0; session < 3; session++) {
    refusal = nextRefusal(proxy)
    t.match((await openTunnel(proxy)).text, /^HTTP\/1\.1 503 .*^Retry-After: \d+\r$/ms)
    t.match(await refusal, { reason: "no_backend", backend: undefined }, "nothing is dialled")
  }
})
