import t from "tap"
import type { BackendChange } from "../../lib/admin/source.js"
import type { Config } from "../../lib/config/schema.js"
import { Pool } from "../../lib/pool/pool.js"
import { changeBackend } from "../../lib/proxy/change-backend.js"
import { thrownBy } from "../support/project/thrown.js"

const CONFIG: Config = {
  pool: { chat: { balance: "random", backends: ["a:1", { address: "b:1", max_connections: 5 }] } },
  ws_proxy: [
    { bind: "127.0.0.1:8080", pool: "chat" },
    {
      bind: "127.0.0.1:8081",
      name: "front",
      backends: ["c:1", "d:1"],
      route: [
        { path: "/a/*", pool: "chat" },
        { path: "/b/*", backends: ["e:1", { address: "f:1", weight: 0 }] },
      ],
    },
    { bind: "127.0.0.1:8082", backends: ["g:1"] },
  ],
}

/** The lists of backends after a change, by the name of their pool. */
function backendsAfter(pool: string, change: BackendChange): unknown {
  const { pool: pools, ws_proxy: listeners } = changeBackend(CONFIG, pool, change) ?? CONFIG
  return {
    chat: pools?.chat?.backends,
    front: listeners[1]?.backends,
    "front route 2": listeners[1]?.route?.[1]?.backends,
    "127.0.0.1:8082": listeners[2]?.backends,
  }
}

const BEFORE = {
  chat: ["a:1", { address: "b:1", max_connections: 5 }],
  front: ["c:1", "d:1"],
  "front route 2": ["e:1", { address: "f:1", weight: 0 }],
  "127.0.0.1:8082": ["g:1"],
}

const changes: readonly (readonly [string, keyof typeof BEFORE, BackendChange, unknown])[] = [
  ["a backend is added", "chat", { kind: "add", backend: "z:1" }, [...BEFORE.chat, "z:1"]],
  [
    "a backend is added with a weight",
    "127.0.0.1:8082",
    { kind: "add", backend: "z:1", weight: 3 },
    ["g:1", { address: "z:1", weight: 3 }],
  ],
  ["a backend is removed", "front", { kind: "remove", backend: "c:1" }, ["d:1"]],
  ["a backend drains", "front", { kind: "drain", backend: "d:1" }, ["c:1", { address: "d:1", drain: true }]],
  [
    "a backend with settings keeps them",
    "chat",
    { kind: "drain", backend: "b:1" },
    ["a:1", { address: "b:1", max_connections: 5, drain: true }],
  ],
  [
    "a drain ends",
    "chat",
    { kind: "undrain", backend: "a:1" },
    [{ address: "a:1", drain: false }, BEFORE.chat[1]],
  ],
  [
    "the backend of a route gets a weight",
    "front route 2",
    { kind: "weight", backend: "f:1", weight: 2 },
    ["e:1", { address: "f:1", weight: 2 }],
  ],
]

for (const [title, pool, change, after] of changes) {
  t.test(`${title}, and nothing else changes`, async (t) => {
    t.strictSame(backendsAfter(pool, change), { ...BEFORE, [pool]: after })
  })
}

const refused: readonly (readonly [string, string, BackendChange, number])[] = [
  ["an unknown pool", "chatt", { kind: "drain", backend: "a:1" }, 404],
  ["an unknown backend", "chat", { kind: "drain", backend: "c:1" }, 404],
  ["a backend that is there already", "chat", { kind: "add", backend: "b:1" }, 409],
  ["the last backend of a pool", "127.0.0.1:8082", { kind: "remove", backend: "g:1" }, 409],
  ["the end of a drain by weight 0", "front route 2", { kind: "undrain", backend: "f:1" }, 409],
]

for (const [title, pool, change, status] of refused) {
  t.test(`${title} is refused with ${status}`, async (t) => {
    t.match(
      thrownBy(() => changeBackend(CONFIG, pool, change)),
      { name: "AdminError", status },
    )
  })
}

t.test("two pools of one name can't be told apart", async (t) => {
  const config: Config = { ...CONFIG, pool: { ...CONFIG.pool, front: { backends: ["x:1"] } } }
  t.match(
    thrownBy(() => changeBackend(config, "front", { kind: "drain", backend: "x:1" })),
    { status: 409, message: /^two pools are called "front"/ },
  )
})

t.test("a pool that a program has made is changed itself", async (t) => {
  const pool = new Pool(["a:1"])
  const config: Config = { ws_proxy: [{ bind: "127.0.0.1:8080", name: "front", backends: pool }] }
  t.equal(changeBackend(config, "front", { kind: "add", backend: "b:1", weight: 2 }), undefined)
  changeBackend(config, "front", { kind: "drain", backend: "a:1" })
  t.match(pool.members, [
    { name: "a:1", drain: true },
    { name: "b:1", weight: 2 },
  ])
  changeBackend(config, "front", { kind: "undrain", backend: "a:1" })
  changeBackend(config, "front", { kind: "remove", backend: "b:1" })
  t.match(pool.members, [{ name: "a:1", drain: false }])
  t.match(
    thrownBy(() => changeBackend(config, "front", { kind: "weight", backend: "a:1", weight: 2 })),
    { status: 409 },
  )
})
