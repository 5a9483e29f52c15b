/** A tunnel may live for days. The heads that it began with must not live on in it. */
import t from "tap"
import { startEchoBackend } from "../support/backend.js"
import { forkProxy } from "../support/fork-proxy.js"
import { upgradeHead } from "../support/heads.js"
import { RawPeer } from "../support/raw-peer.js"

const TUNNELS = 300
const PAD_BYTES = 7000

t.test("a tunnel that began with a long head holds no more memory than one with a short head", async (t) => {
  const padding = { "X-Pad": "x".repeat(PAD_BYTES) }
  const backend = await startEchoBackend(t, padding)
  const proxy = await forkProxy(t, [backend.address])
  const path = "/a/path/that/is/long/enough/to/be/kept/as/a/part/of/the/head"
  const open = async (head: string) => {
    const before = await proxy.order({ measureAfter: 0 })
    for (let i = 0; i < TUNNELS; i++) {
      const client = await RawPeer.connect(proxy.address)
      t.teardown(() => client.socket.destroy())
      await client.write(head).untilText("\r\n\r\n")
    }
    const after = await proxy.order({ measureAfter: 0 })
    return (after.heldBytes - before.heldBytes) / TUNNELS
  }
  const short = upgradeHead({}, `GET ${path} HTTP/1.1`)
  await open(short)
  const ofShort = await open(short)
  const ofLong = await open(upgradeHead(padding, `GET ${path}?query HTTP/1.1`))
  t.ok(ofLong - ofShort < PAD_BYTES / 3, "the head is gone", { ofShort, ofLong })
})
