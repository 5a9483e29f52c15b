import t from "tap"
import { describeChanges } from "../../lib/config/describe-changes.js"
import type { ListenerConfig } from "../../lib/config/listener-schema.js"
import type { Config } from "../../lib/config/schema.js"
import { Pool } from "../../lib/pool/pool.js"

const BASE: Config = {
  pool: { game: { backends: ["a:1", { address: "b:1", weight: 2 }] } },
  ws_proxy: [{ bind: "127.0.0.1:80", name: "chat", pool: "game" }],
}

/** The base with these keys in its listener. */
function chat(keys: Partial<ListenerConfig>): Config {
  return { ...BASE, ws_proxy: [{ bind: "127.0.0.1:80", name: "chat", pool: "game", ...keys }] }
}

function game(keys: object): Config {
  return { ...BASE, pool: { game: { backends: ["a:1", { address: "b:1", weight: 2 }], ...keys } } }
}

const pool = new Pool("a:1")

const cases: { title: string; before?: Config; after: Config; changes: string[] }[] = [
  { title: "the same configuration", after: BASE, changes: [] },
  { title: "a default that is written", after: chat({ max_connections: 0, route: [] }), changes: [] },
  {
    title: "keys of a listener",
    before: chat({ max_connections: 100 }),
    after: chat({ max_connections: 200, rate_per_ip: "20/s", host_header: "client" }),
    changes: [
      'listener chat: max_connections 100 -> 200, rate_per_ip unlimited -> "20/s", host_header "backend" -> "client"',
    ],
  },
  {
    title: "the spelling of an address, and a name",
    before: { ws_proxy: [{ bind: "127.0.0.1:080", backends: ["a:1"] }] },
    after: { ws_proxy: [{ bind: "127.0.0.1:80", name: "x", backends: ["a:1"] }] },
    changes: ['listener x: name the bind address -> "x"'],
  },
  {
    title: "listeners",
    before: {
      ws_proxy: [
        { bind: "0.0.0.0:81", backends: ["a:1"] },
        { bind: "0.0.0.0:82", backends: ["a:1"] },
      ],
    },
    after: { ws_proxy: [{ bind: "0.0.0.0:83", name: "x", backends: ["a:1"] }] },
    changes: [
      "listener x added",
      "listener 0.0.0.0:81 removed, draining 12 sessions",
      "listener 0.0.0.0:82 removed",
    ],
  },
  {
    title: "backends",
    after: { ...BASE, pool: { game: { backends: [{ address: "b:1", weight: 3, backup: true }, "c:1"] } } },
    changes: [
      "pool game: backend b:1 weight 2 -> 3, backend b:1 backup false -> true, backend c:1 added, backend a:1 removed",
    ],
  },
  {
    title: "pools",
    before: { ...BASE, pool: { ...BASE.pool, old: { backends: ["a:1"] } } },
    after: { ...BASE, pool: { ...BASE.pool, new: { backends: ["a:1"] } } },
    changes: ["pool new added", "pool old removed"],
  },
  {
    title: "a table that comes",
    after: game({ health_check: {} }),
    changes: ["pool game: health_check added"],
  },
  {
    title: "a key of a table",
    before: game({ health_check: { type: "http" } }),
    after: game({ health_check: { type: "http", interval_ms: 1000 } }),
    changes: ["pool game: health_check.interval_ms 5000 -> 1000"],
  },
  {
    title: "secrets",
    before: game({ sticky_cookie: "c", sticky_secret: "the first secret" }),
    after: {
      ...game({ sticky_cookie: "c", sticky_secret: "the second secret" }),
      ws_proxy: [
        {
          bind: "127.0.0.1:80",
          name: "chat",
          pool: "game",
          request_headers: { set: { Authorization: "the third secret" }, remove: ["Cookie"] },
        },
      ],
    },
    changes: [
      "pool game: sticky_secret changed",
      'listener chat: request_headers.set changed, request_headers.remove [] -> ["Cookie"]',
    ],
  },
  {
    title: "a long list",
    after: chat({ allowed_origins: Array.from({ length: 20 }, (_, index) => `https://${index}.example`) }),
    changes: ["listener chat: allowed_origins changed"],
  },
  {
    title: "routes",
    before: chat({
      route: [{ path: "/a" }, { path: "/b", max_tries: 1, backends: ["a:1"] }, { host: "x.example" }],
    }),
    after: chat({
      route: [
        { host: "x.example", host_header: "backend" },
        { path: "/b", max_tries: 2, backends: ["a:1", "c:1"] },
        { path: "/c" },
      ],
    }),
    changes: [
      `listener chat: route 1 x.example host_header the listener's -> "backend", route 2 /b max_tries 1 -> 2, ` +
        "route 2 /b backend c:1 added, route 3 /c added, route 1 /a removed, routes reordered",
    ],
  },
  {
    title: "the secret condition of a route",
    before: chat({ route: [{ header: { "X-Key": "secret 1" } }] }),
    after: chat({ route: [{ header: { "X-Key": "secret 2" } }] }),
    changes: ["listener chat: route 1 header changed"],
  },
  {
    title: "the same Pool object",
    before: chat({ pool: undefined, backends: pool }),
    after: chat({ pool: undefined, backends: pool }),
    changes: [],
  },
  {
    title: "another Pool object",
    before: chat({ pool: undefined, backends: pool }),
    after: chat({ pool: undefined, backends: new Pool("a:1") }),
    changes: ["listener chat: backends changed"],
  },
  {
    title: "a key that is read at the start only",
    before: { ws_proxy: [{ bind: "unix:/a", backends: ["a:1"] }] },
    after: { ws_proxy: [{ bind: "unix:/a", backends: ["a:1"], bind_mode: "0600" }] },
    changes: ['listener unix:/a: bind_mode by the umask -> "0600" (takes effect at the next start)'],
  },
  {
    title: "the log's level",
    after: { ...BASE, log: { level: "warn" } },
    changes: ['log.level "info" -> "warn"'],
  },
]

for (const { title, before = BASE, after, changes } of cases) {
  t.test(`a change of ${title} is described`, async (t) => {
    t.same(
      describeChanges(before, after, (listener) => (listener.includes(":81") ? 12 : 0)),
      changes,
    )
    t.same(
      describeChanges(after, after, () => 0),
      [],
      "and nothing else",
    )
  })
}
