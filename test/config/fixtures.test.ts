/**
 * Whole files, as users write them. In those of `invalid`, `#!` marks a problem: it is followed by the
 * beginning of the expected message for its line (with `:-1`, for the line above). No other message may
 * occur.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import t from "tap"
import { loadConfig } from "../../lib/config/load.js"
import { ConfigError } from "../../lib/config/problem.js"
import { projectPath } from "../support/project/project.js"

const BACKENDS = ["127.0.0.1:9000"]
const MOST_MS = 2 ** 31 - 1

const valid: Readonly<Record<string, unknown>> = {
  "minimal.toml": {
    ws_proxy: [{ bind: "127.0.0.1:8080", backends: BACKENDS }],
  },
  "every-key.toml": {
    log: {
      level: "debug",
      format: "combined",
      open: true,
      sample: 100,
      redact: ["header:Cookie", "query:*"],
    },
    pool: {
      chat: {
        backends: [
          "wss://chat-1",
          { address: "https://chat-2:9443/base", weight: 2, max_connections: 100, backup: true, drain: true },
        ],
        balance: "hash",
        hash_key: "cookie:user",
        sticky_cookie: "rws",
        sticky_secret: "sixteen letters!",
        sticky_attributes: {
          same_site: "none",
          partitioned: true,
          domain: "example.com",
          path: "/a",
          max_age_s: 60,
        },
        max_tries: 2,
        max_fails: 4,
        fail_on: ["dial", "status:503"],
        slow_start_ms: 30_000,
        on_backend_down: "close",
        local_addresses: ["10.0.0.5", "fd00::5"],
        fail_timeout_ms: 5000,
        send_proxy_protocol: "v2",
        health_check: {
          type: "http",
          path: "/health?deep=1",
          host: "chat.example",
          interval_ms: 1000,
          timeout_ms: 500,
          healthy_threshold: 1,
          unhealthy_threshold: 4,
          expect_status: [200, 204],
        },
        tls: { server_name: "chat.example", insecure_skip_verify: true },
      },
    },
    ws_proxy: [
      {
        name: "chat",
        bind: "[::1]:8080",
        backends: ["chat-1:9000", "ws://chat-2", "[::1]:9000", "unix:/run/chat.sock"],
        balance: "random",
        route: [
          {
            host: ["game.example", "*.game.example"],
            path: "/play",
            header: { "X-Beta": "yes", Cookie: true },
            query: { v: "2", debug: true },
            strip_prefix: true,
            pool: "chat",
            host_header: "client",
            require_origin: false,
          },
          { path: "~/[a-z]+", rewrite: "/new", backends: ["127.0.0.1:9000"], max_fails: 0 },
        ],
        connect_timeout_ms: 1,
        read_timeout_ms: 2,
        handshake_timeout_ms: 3,
        idle_timeout_ms: 4,
        half_close_timeout_ms: 5,
        drain_timeout_ms: 6,
        max_head_bytes: 64,
        max_connections: 7,
        max_connections_per_ip: 8,
        max_pending: 9,
        rate_per_ip: "100/m",
        rate_burst: 10,
        keepalive_ms: 1000,
        trusted_proxies: ["10.0.0.0/8", "::1", "unix"],
        accept_proxy_protocol: true,
        client_tls: true,
        forwarded: "both",
        trace_headers: false,
        host_header: "chat.example:8080",
        request_headers: { set: { "X-Env": "test" }, remove: ["Cookie"] },
        response_headers: { remove: ["Server"] },
        allowed_origins: ["https://*.example.com", "null"],
        require_origin: true,
        origin: "https://app.example.com",
        subprotocols: ["v1.chat"],
      },
    ],
  },
  "limits.toml": {
    ws_proxy: [
      {
        bind: "127.0.0.1:1",
        backends: ["127.0.0.1:65535"],
        connect_timeout_ms: MOST_MS,
        read_timeout_ms: MOST_MS,
        handshake_timeout_ms: MOST_MS,
        idle_timeout_ms: MOST_MS,
        half_close_timeout_ms: MOST_MS,
        drain_timeout_ms: MOST_MS,
        max_head_bytes: 65_536,
        keepalive_ms: MOST_MS,
      },
      {
        bind: "127.0.0.1:65535",
        backends: ["127.0.0.1:1"],
        connect_timeout_ms: 1,
        read_timeout_ms: 1,
        handshake_timeout_ms: 1,
        idle_timeout_ms: 0,
        half_close_timeout_ms: 0,
        drain_timeout_ms: 1,
        max_head_bytes: 64,
        max_connections: 0,
        keepalive_ms: 0,
      },
    ],
  },
  "many-listeners.toml": {
    ws_proxy: [
      { name: "one", bind: "127.0.0.1:0", backends: BACKENDS },
      { name: "two", bind: "127.0.0.1:0", backends: BACKENDS, host_header: "client" },
      { bind: "127.0.0.1:8080", backends: BACKENDS },
      { bind: "127.0.0.2:8080", backends: BACKENDS },
      { bind: "unix:/run/rws.sock", backends: ["unix:/run/chat.sock"] },
    ],
  },
  "other-spellings.toml": {
    log: { level: "silent" },
    ws_proxy: [
      { name: "inline", bind: "127.0.0.1:8080", backends: BACKENDS },
      { bind: "127.0.0.1:8081", backends: [...BACKENDS, "127.0.0.1:9001"], idle_timeout_ms: 16 },
    ],
  },
}

const VALID = projectPath("test/config/valid")
const INVALID = projectPath("test/config/invalid")

t.test("every valid fixture has an expectation", async (t) => {
  t.same(readdirSync(VALID).sort(), Object.keys(valid).sort())
})

for (const [name, config] of Object.entries(valid)) {
  t.test(`valid/${name} is read as it is written`, async (t) => {
    // The parser's tables have no prototype.
    t.strictSame(JSON.parse(JSON.stringify(await loadConfig(join(VALID, name)))), config)
  })
}

interface Expected {
  readonly line: number
  readonly beginning: string
}

function expectedIn(toml: string): Expected[] {
  return toml.split("\n").flatMap((text, index) =>
    text
      .split("#! ")
      .slice(1)
      .map((beginning) => {
        const [, above = "0", rest = ""] = /^(?::-(\d) )?(.*?)\s*$/.exec(beginning) ?? []
        return { line: index + 1 - Number(above), beginning: rest }
      }),
  )
}

for (const name of readdirSync(INVALID).sort()) {
  t.test(`invalid/${name} has exactly the marked problems, on their lines`, async (t) => {
    const file = join(INVALID, name)
    const error = await loadConfig(file).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
    t.equal(error.source, file)
    const said = error.problems.map(({ line }, index) => {
      const [text = ""] = new ConfigError(file, error.problems.slice(index, index + 1)).message.split("\n")
      return { line, text: text.replace(`${file}:${line}: `, "") }
    })
    const expected = expectedIn(readFileSync(file, "utf8"))
    t.ok(expected.length > 0)
    const isSaid = ({ line, beginning }: Expected) =>
      said.some((problem) => problem.line === line && problem.text.startsWith(beginning))
    const isExpected = (problem: { line: number | undefined; text: string }) =>
      expected.some(({ line, beginning }) => problem.line === line && problem.text.startsWith(beginning))
    t.same(
      expected.filter((one) => !isSaid(one)),
      [],
      "missing problems",
    )
    t.same(
      said.filter((one) => !isExpected(one)),
      [],
      "unexpected problems",
    )
    t.equal(said.length, expected.length)
  })
}
