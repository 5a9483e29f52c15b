import t from "tap"
import { SettingError } from "../../lib/settings/setting-error.js"
import { checkSubprotocol, restrictSubprotocols } from "../../lib/upgrade/subprotocols.js"
import { requested } from "../support/http/requested.js"
import { oneOf, seededRandom, textOf } from "../support/project/random.js"
import { thrownBy } from "../support/project/thrown.js"

const ALLOWED = new Set(["v1.chat", "v2.chat", "log"])

const cases: { title: string; fields: string | string[] | undefined; offered: string[] }[] = [
  { title: "nothing if the client offers nothing", fields: undefined, offered: [] },
  { title: "nothing if the client offers an empty list", fields: "", offered: [] },
  { title: "nothing if the client offers only commas", fields: " , ,,", offered: [] },
  { title: "all if all are allowed", fields: "v2.chat, v1.chat", offered: ["v2.chat", "v1.chat"] },
  {
    title: "the allowed ones in the client's order",
    fields: "x, log,y ,v1.chat",
    offered: ["log", "v1.chat"],
  },
  {
    title: "the allowed ones of several fields",
    fields: ["v1.chat, x", "y", "log"],
    offered: ["v1.chat", "log"],
  },
  { title: "nothing if none is allowed", fields: ["x", "y"], offered: [] },
  { title: "nothing that differs in case", fields: "V1.CHAT, Log", offered: [] },
  { title: "nothing that matches only in part", fields: "v1.chat2, v1, og", offered: [] },
  { title: "names with white space around them", fields: "\tlog \t,\t v1.chat", offered: ["log", "v1.chat"] },
  { title: "nothing with white space or quotes inside", fields: 'log v1.chat, "log", lo g', offered: [] },
  { title: "nothing with other kinds of white space around it", fields: "\xa0log, v1.chat\xa0", offered: [] },
  { title: "nothing named like a JavaScript object member", fields: "constructor, __proto__", offered: [] },
]

for (const { title, fields, offered } of cases) {
  t.test(`the backend is offered ${title}`, async (t) => {
    const offer = restrictSubprotocols(requested("/", { "Sec-WebSocket-Protocol": fields }).fields, ALLOWED)
    t.same(offer.offered, offered)
    const line = offered.length === 0 ? "" : `Sec-WebSocket-Protocol: ${offered.join(", ")}\r\n`
    t.equal(offer.edit.key, "sec-websocket-protocol")
    t.equal(offer.edit.action, offered.length === 0 ? "remove" : "set")
    t.equal(offer.edit.line, line)
  })
}

t.test("a long list of spaces and commas is parsed in linear time", async (t) => {
  // Quadratic time would exceed the test timeout.
  const value = `a${" ".repeat(1_000_000)}b, log${",".repeat(100_000)}`
  t.same(restrictSubprotocols([{ name: "sec-websocket-protocol", value, line: "" }], ALLOWED).offered, [
    "log",
  ])
})

t.test(
  "for random offers, the result is one line of subprotocols that are offered and allowed",
  async (t) => {
    const random = seededRandom(11)
    for (let round = 0; round < 2000; round++) {
      const value = Array.from({ length: 5 }, () =>
        oneOf(random, ["log", "v1.chat", textOf(random, 'log v1.chat,\t"=;\xa0', 0, 8)]),
      ).join(oneOf(random, [",", ", ", " "]))
      const { offered, edit } = restrictSubprotocols(
        [{ name: "sec-websocket-protocol", value, line: "" }],
        ALLOWED,
      )
      const isRight =
        offered.every((name) => ALLOWED.has(name) && value.includes(name)) &&
        /^(?:Sec-WebSocket-Protocol: [a-z0-9., ]+\r\n)?$/.test(edit.line)
      if (isRight) continue
      t.equal(value, offered, `round ${round}`)
      return
    }
    t.pass("every one")
  },
)

for (const name of ["v1.chat", "chat", "mqtt", "graphql-transport-ws", "!#$%&'*+-.^_`|~"]) {
  t.test(`${name} is a subprotocol`, async (t) => {
    t.equal(
      thrownBy(() => checkSubprotocol(name)),
      undefined,
    )
  })
}

for (const name of ["", " ", "a b", "a,b", "a/b", "a\r\n", '"a"', "\xe9"]) {
  t.test(`${JSON.stringify(name)} is not a subprotocol`, async (t) => {
    const error = thrownBy(() => checkSubprotocol(name))
    t.type(error, SettingError)
    t.match(error, { message: `"${name}" is not a subprotocol: expected` })
  })
}
