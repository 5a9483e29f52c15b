/** A tunnel does not outlive the token that opened it, if the configuration says so. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import t from "tap"
import { createProxy } from "../../lib/index.js"
import { makeKey, signToken } from "../support/access/tokens.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { closeOf, connectWs, echo, startWsBackend } from "../support/peers/ws-backend.js"

const KEY = makeKey("k1")

t.test("with close_at_expiry and close_frames both peers are told with code 1008", async (t) => {
  const file = join(socketFolder(t), "key.pem")
  writeFileSync(file, KEY.pem)
  const backend = await startWsBackend(t, echo)
  const proxy = await createProxy({
    ws_proxy: [
      {
        bind: "127.0.0.1:0",
        backends: [backend.address],
        close_frames: true,
        jwt: { key_files: [file], close_at_expiry: true },
      },
    ],
  })
  t.teardown(() => proxy.close(0))
  const exp = Math.floor(Date.now() / 1000) + 2
  const connect = async () => {
    const token = await signToken(KEY, { exp })
    return connectWs(t, `ws://${proxy.address()}`, { headers: { Authorization: `Bearer ${token}` } })
  }
  // The second one is verified already when its client comes.
  const clients = [await connect(), await connect()]
  const reasons: (string | undefined)[] = []
  const over = new Promise<void>((resolve) => {
    proxy.on("end", ({ reason }) => {
      if (reasons.push(reason) === clients.length) resolve()
    })
  })
  t.match(await Promise.all(clients.map(closeOf)), [{ code: 1008 }, { code: 1008 }])
  t.ok(Date.now() >= exp * 1000, "not before its time")
  await over
  t.same(reasons, ["token_expired", "token_expired"])
})
