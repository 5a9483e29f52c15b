import t from "tap"
import { parseHashKey } from "../../lib/pool/hash-key.js"
import { SettingError } from "../../lib/settings/setting-error.js"
import type { UpgradeRequest } from "../../lib/upgrade/upgrade-request.js"
import { poolRequest } from "../support/pool/pool-request.js"
import { thrownBy } from "../support/project/thrown.js"

const CLIENT_IP = "192.0.2.1"

const CASES: { hashKey: string; request: UpgradeRequest; key: string | undefined }[] = [
  { hashKey: "client_ip", request: poolRequest(), key: CLIENT_IP },
  { hashKey: "path", request: poolRequest("/a/b"), key: "/a/b" },
  { hashKey: "path", request: poolRequest("/a/b?c=/d?e"), key: "/a/b" },
  { hashKey: "path", request: poolRequest("/%61"), key: "/%61" },
  { hashKey: "header:X-Room", request: poolRequest("/", ["x-ROOM", "7"], ["X-Room", "8"]), key: "7" },
  { hashKey: "header:x-room", request: poolRequest("/", ["X-Room", "7"]), key: "7" },
  { hashKey: "header:X-Room", request: poolRequest("/", ["X-Roo", "7"]), key: undefined },
  { hashKey: "header:X-Room", request: poolRequest("/", ["X-Room", ""]), key: undefined },
  { hashKey: "cookie:room", request: poolRequest("/", ["Cookie", "a=1; room=7; room=8"]), key: "7" },
  { hashKey: "cookie:room", request: poolRequest("/", ["Cookie", "Room=7"]), key: undefined },
  { hashKey: "cookie:room", request: poolRequest("/", ["Cookie", "room="]), key: undefined },
  { hashKey: "cookie:room", request: poolRequest(), key: undefined },
  { hashKey: "query:room", request: poolRequest("/?a=1&room=7&room=8"), key: "7" },
  { hashKey: "query:room", request: poolRequest("/?r%6fom=a+b%20c%C3%A4"), key: "a b cä" },
  { hashKey: "query:room", request: poolRequest("/?room=%zz%ff"), key: "%zz\ufffd" },
  { hashKey: "query:a b", request: poolRequest("/?a%20b=7"), key: "7" },
  { hashKey: "query:room", request: poolRequest("/?a=?room=7"), key: undefined },
  { hashKey: "query:room", request: poolRequest("/??room=7"), key: undefined },
  { hashKey: "query:?room", request: poolRequest("/??room=7"), key: "7" },
  { hashKey: "query:room", request: poolRequest("/?room"), key: undefined },
  { hashKey: "query:room", request: poolRequest("/room=7"), key: undefined },
]

for (const { hashKey, request, key } of CASES) {
  const fields = request.fields.map(({ line }) => line.trim())
  const told = [request.target, ...fields].join(", ")
  t.test(`with hash_key "${hashKey}" the key of ${told} is ${JSON.stringify(key)}`, async (t) => {
    t.equal(parseHashKey(hashKey)(request, CLIENT_IP), key)
  })
}

t.test("a client without an address has no key", async (t) => {
  t.equal(parseHashKey("client_ip")(poolRequest(), ""), undefined)
})

const WRONG = [
  "",
  "ip",
  "Path",
  "path:x",
  "client_ip:",
  "header",
  "header:",
  "header:a b",
  "cookie:a;b",
  "cookie:",
  "query:",
  "uri:a",
  ":a",
]

for (const hashKey of WRONG) {
  t.test(`"${hashKey}" is not a hash_key, and the message says what is`, async (t) => {
    const error = thrownBy(() => parseHashKey(hashKey))
    t.type(error, SettingError)
    t.equal(
      error instanceof Error && error.message,
      `"${hashKey}" is not a hash_key: expected "client_ip", "path", "header:NAME", "cookie:NAME" or "query:NAME"`,
    )
  })
}
