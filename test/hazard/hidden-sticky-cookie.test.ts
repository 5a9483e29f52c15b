/** A client returns to its backend although the backend must not see the client's cookies. */
import t from "tap"
import { createProxy } from "../../lib/index.js"
import { parseAnswer, valuesIn } from "../support/http/answer.js"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"

t.test("a sticky cookie counts although a hook removes Cookie for the backend", async (t) => {
  const backends = await Promise.all(
    [1, 2, 3].map(() => startBackend(t, (peer) => void answerUpgrade(peer).catch(() => {}))),
  )
  const proxy = await createProxy(
    {
      pool: { chat: { backends: backends.map(({ address }) => address), sticky_cookie: "rws" } },
      ws_proxy: [{ bind: "127.0.0.1:0", pool: "chat" }],
    },
    { authorize: () => ({ headers: { remove: ["Cookie"] } }) },
  )
  t.teardown(() => proxy.close(0))
  const connect = async (fields: Fields) => {
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead(fields))
    await client.untilText("\r\n\r\n")
    return valuesIn(parseAnswer(client.text), "set-cookie")
  }
  const [cookie = ""] = await connect({})
  for (let again = 0; again < 5; again++) {
    t.same(await connect({ Cookie: cookie.replace(/;.*$/, "") }), [], "no other cookie is set")
  }
  t.same(backends.map(({ peers }) => peers.length).sort(), [0, 0, 6])
})
