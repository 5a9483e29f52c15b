import t from "tap"
import { upgradeHead } from "../support/http/heads.js"
import { answerUpgrade, startBackend } from "../support/peers/backend.js"
import { openTunnel, startProxy } from "../support/program/proxy.js"

const odd: readonly [title: string, cookie: string | readonly string[]][] = [
  ["an empty value", "place="],
  ["no value", "place"],
  ["a value that nobody gave", "place=AAAAAAAAAAAAAAAAAAAAAA"],
  ["the name of a backend in plain", "place=127.0.0.1:1"],
  ["quotes", 'place="x"'],
  ["an open quote", 'place="x; a=b'],
  ["bytes above ASCII", "place=\xff\xfe"],
  ["semicolons only", ";".repeat(2000)],
  ["a thousand others", "a=b; ".repeat(1000)],
  ["a thousand of its name", "place=x; ".repeat(700)],
  ["the name of something inside every object", "__proto__=x; constructor=y; place=toString"],
  ["several fields", ["a=b", "place=x", "place=y"]],
]

for (const [title, cookie] of odd) {
  t.test(`a sticky cookie with ${title} is passed on, selects no backend and is replaced`, async (t) => {
    const backend = await startBackend(t, (peer) => void answerUpgrade(peer))
    const proxy = await startProxy(t, {
      backends: [backend.address],
      sticky_cookie: "place",
      balance: "hash",
      hash_key: "cookie:place",
    })
    const client = await openTunnel(proxy, upgradeHead({ Cookie: cookie }))
    t.match(
      client.text,
      /^HTTP\/1\.1 101 [\s\S]*^Set-Cookie: place=[\w-]{22}; Path=\/; HttpOnly; SameSite=Lax\r$/m,
    )
    t.ok((await backend.peer()).text.includes(`Cookie: ${[cookie].flat()[0]}\r\n`))
  })
}
