/**
 * rws refuses a request before it dials a backend: a backend that has sent its 101 takes the client for
 * connected.
 */
import t from "tap"
import { type Fields, upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { nextRefusal, openTunnel, type Settings, startProxy } from "../support/program/proxy.js"

const OPEN_QUOTE = 'for=203.0.113.9;by="'

const refused: readonly { title: string; keys: Partial<Settings>; fields: Fields }[] = [
  {
    title: "a malformed Forwarded that is read, in a pool with a sticky cookie",
    keys: { sticky_cookie: "rws" },
    fields: { "X-Forwarded-Proto": "https", Forwarded: OPEN_QUOTE },
  },
  {
    title: "a Forwarded that is extended, malformed to the left of the part that is read",
    keys: { forwarded: "rfc7239" },
    fields: { Forwarded: [OPEN_QUOTE, "for=203.0.113.9"] },
  },
]

for (const { title, keys, fields } of refused) {
  t.test(`${title}, is a 400, and no backend is dialled`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
    const proxy = await startProxy(t, {
      backends: [backend.address],
      trusted_proxies: ["127.0.0.1"],
      ...keys,
    })
    const refusal = nextRefusal(proxy)
    const client = await RawPeer.connect(proxy.address())
    await client.write(upgradeHead(fields)).untilEnd()
    t.match(client.text, /^HTTP\/1\.1 400 /)
    t.match(await refusal, { reason: "bad_forwarded", backend: undefined, dialMs: undefined })
    t.equal(backend.peers.length, 0)
  })
}

const unused: readonly { title: string; keys: Partial<Settings>; fields: Fields }[] = [
  {
    title: "next to an X-Forwarded-For",
    keys: {},
    fields: { "X-Forwarded-For": "203.0.113.9", Forwarded: OPEN_QUOTE },
  },
  {
    title: "next to an X-Forwarded-For, in a pool with a sticky cookie",
    keys: { sticky_cookie: "rws" },
    fields: { "X-Forwarded-For": "203.0.113.9", Forwarded: [OPEN_QUOTE, "a=b=c"] },
  },
  {
    title: "next to an X-Forwarded-For, if Forwarded is written",
    keys: { forwarded: "both" },
    fields: { "X-Forwarded-For": "203.0.113.9", Forwarded: OPEN_QUOTE },
  },
  {
    title: "to the left of the part that is read, if only X-Forwarded-* is written",
    keys: {},
    fields: { Forwarded: [OPEN_QUOTE, "for=203.0.113.9"] },
  },
  {
    title: "from an untrusted client",
    keys: { forwarded: "both", trusted_proxies: [] },
    fields: { Forwarded: OPEN_QUOTE },
  },
]

for (const { title, keys, fields } of unused) {
  t.test(`a malformed Forwarded ${title}, is dropped`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
    const proxy = await startProxy(t, {
      backends: [backend.address],
      trusted_proxies: ["127.0.0.1"],
      ...keys,
    })
    const client = await openTunnel(proxy, upgradeHead(fields))
    t.match(client.text, /^HTTP\/1\.1 101 /)
    t.notMatch((await backend.peer()).text, /by="|a=b=c/)
  })
}
