/**
 * Hooks may be written in JavaScript: what they return or throw by mistake lets nobody in and stops nothing.
 */
import t, { type Test } from "tap"
import { type Authorize, createProxy, Refusal } from "../../lib/index.js"
import { parseAnswer } from "../support/http/answer.js"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { collectLog } from "../support/program/log-lines.js"

/** The status line that a client gets. */
async function statusLineWith(t: Test, authorize: Authorize): Promise<string> {
  const backend = await startBackend(t, (peer) => void answerUpgrade(peer).catch(() => {}))
  const listener = { bind: "127.0.0.1:0", backends: [backend.address] }
  const proxy = await createProxy({ ws_proxy: [listener] }, { authorize, log: collectLog().log })
  t.teardown(() => proxy.close(0))
  const client = await RawPeer.connect(proxy.address())
  client.write(upgradeHead())
  await client.untilText("\r\n\r\n")
  return parseAnswer(client.text).statusLine
}

const MISTAKES: Readonly<Record<string, unknown>> = {
  "a Refusal that is not thrown": new Refusal(403, "locked out"),
  "an Error that is not thrown": new Error("locked out"),
  "{ allowed: false }": { allowed: false },
  "0": 0,
  "an empty text": "",
  NaN: Number.NaN,
  "a list": [],
  "fields beside set and remove": { headers: { "X-User": "ada" } },
}

for (const [title, mistake] of Object.entries(MISTAKES)) {
  t.test(`authorize that returns ${title} lets nobody in`, async (t) => {
    t.equal(await statusLineWith(t, () => mistake as undefined), "HTTP/1.1 500 Internal Server Error")
  })
}
