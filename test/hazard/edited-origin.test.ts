/**
 * An endpoint's `allowed_origins` is about the page that the client comes from, not about what a backend is
 * told.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import t from "tap"
import { createProxy, type HookChanges } from "../../lib/index.js"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { socketFolder } from "../support/peers/socket-folder.js"

const CHANGES: Readonly<Record<string, HookChanges>> = {
  removes: { headers: { remove: ["Origin"] } },
  replaces: { headers: { set: { Origin: "https://app.example.com" } } },
}

for (const [does, changes] of Object.entries(CHANGES)) {
  t.test(`a foreign page is refused although a hook ${does} Origin for the backend`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer).catch(() => {}))
    const file = join(socketFolder(t), "endpoints.json")
    const chat = { url: `ws://${backend.address}`, allowed_origins: ["https://app.example.com"] }
    writeFileSync(file, JSON.stringify({ endpoints: { chat } }))
    const proxy = await createProxy(
      {
        registry: { main: { store: "file", file, allow_destinations: ["127.0.0.1"] } },
        ws_proxy: [{ bind: "127.0.0.1:0", registry: "main", registry_key: "path:1" }],
      },
      { authorize: () => changes },
    )
    t.teardown(() => proxy.close(0))
    const client = await RawPeer.connect(proxy.address())
    client.write(upgradeHead({ Origin: "https://evil.example" }))
    await client.untilText("\r\n\r\n")
    t.match(client.text, /^HTTP\/1\.1 403 /)
    t.equal(backend.peers.length, 0)
  })
}
