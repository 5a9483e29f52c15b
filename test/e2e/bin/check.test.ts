import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t from "tap"
import { CommandLines } from "../../support/program/command-lines.js"
import { temporaryFolder } from "../../support/program/program.js"

const folder = await temporaryFolder(t)
const commandLines = CommandLines.start(t)

/** Runs `rws check` on this file, in the file's folder. */
async function check(toml: string) {
  await writeFile(join(folder, "rws.toml"), toml)
  return commandLines.run(["check", "--config", "rws.toml"], { cwd: folder })
}

t.test("a valid file is summarized listener by listener, with defaults filled in", async (t) => {
  const { code, stdout, stderr } = await check(`
    [log]
    level = "warn"

    [[ws_proxy]]
    name = "chat"
    bind = "127.0.0.1:8080"
    backends = ["chat-1:9000", "[::1]:9001", "unix:/run/chat.sock"]
    idle_timeout_ms = 4321

    [[ws_proxy]]
    bind = "unix:/run/rws.sock"
    backends = ["ws://game"]
    host_header = "client"
  `)
  t.equal(code, 0)
  t.equal(stderr, "")
  const [intro, chat = "", other = "", ...more] = stdout.trimEnd().split("\n\n")
  t.equal(intro, "The configuration is valid: 2 listeners, log level warn.")
  t.equal(more.length, 0)
  t.match(chat, /^chat\n/)
  t.match(chat, /^ +bind +127\.0\.0\.1:8080$/m)
  t.match(chat, /^ +backends +chat-1:9000, \[::1\]:9001, unix:\/run\/chat\.sock$/m)
  t.match(chat, /^ +idle_timeout_ms +4321$/m)
  t.match(chat, /^ +read_timeout_ms +30000$/m, "a default")
  t.match(other, /^unix:\/run\/rws\.sock\n/, "a listener without a name is named by its address")
  t.match(other, /^ +host_header +client$/m)
})

t.test("header rules and conditions show names only, since values may be credentials", async (t) => {
  const { code, stdout, stderr } = await check(`
    [[ws_proxy]]
    bind = "127.0.0.1:8080"
    backends = ["a:1"]
    sticky_cookie = "rws"
    sticky_secret = "secret-of-the-cookie"
    request_headers = { set = { Authorization = "Bearer secret-1", X-Env = "secret-2" }, remove = ["Cookie"] }
    response_headers = { set = { X-Token = "secret-3" } }

    [[ws_proxy.route]]
    header = { Authorization = "Basic secret-4", Cookie = true }
    query = { token = "secret-5", debug = true }
    request_headers = { set = { X-Key = "secret-6" } }
    backends = ["b:1"]
  `)
  t.equal(code, 0)
  t.notMatch(stdout + stderr, /secret-/)
  t.match(stdout, /^ +request_headers\.set +Authorization, X-Env$/m)
  t.match(stdout, /^ +request_headers\.remove +Cookie$/m)
  t.match(stdout, /^ +response_headers\.set +X-Token$/m)
  t.match(stdout, /^ +sticky_secret +\(secret\)$/m)
  t.match(stdout, /^ +route 1 header +Authorization, Cookie$/m)
  t.match(stdout, /^ +route 1 query +token, debug$/m)
  t.match(stdout, /^ +route 1 request_headers\.set +X-Key$/m)
})

t.test("a check binds nothing", async (t) => {
  const { code } = await check('[[ws_proxy]]\nbind = "192.0.2.1:1"\nbackends = ["nowhere.invalid:1"]\n')
  t.equal(code, 0)
})

const INVALID: readonly [what: string, toml: string, lines: readonly (string | RegExp)[]][] = [
  ["an empty file", "", ["rws.toml:1: ws_proxy: required, but missing"]],
  [
    "a key of other proxies, with ours as the suggestion",
    '[[ws_proxy]]\nlisten = "127.0.0.1:1"\nbackends = ["a:1"]\n',
    ['rws.toml:2: ws_proxy[0].listen: unknown key; did you mean "bind"?'],
  ],
  [
    "a missing key, at its table",
    '\n[[ws_proxy]]\nbind = "127.0.0.1:1"\n',
    ["rws.toml:2: ws_proxy[0].backends: required, but missing"],
  ],
  [
    "an invalid address, with its index in the list",
    '[[ws_proxy]]\nbind = "127.0.0.1:1"\nbackends = [\n  "a:1",\n  "b",\n]\n',
    [/^rws\.toml:5: ws_proxy\[0\]\.backends\[1\]: "b" is not an address: expected host:port/],
  ],
  ["what is no TOML", "[[ws_proxy]]\nbind = \n", [/^rws\.toml:2: not valid TOML: /]],
  [
    "all problems at once",
    '[[ws_proxy]]\nbind = "here"\nbackends = []\nread_timeout_ms = 0\nmax_conections = 1\n',
    [
      /^rws\.toml:2: ws_proxy\[0\]\.bind: "here" is not an address/m,
      /^rws\.toml:3: ws_proxy\[0\]\.backends: expected at least one/m,
      /^rws\.toml:4: ws_proxy\[0\]\.read_timeout_ms: expected at least 1 ms/m,
      /^rws\.toml:5: ws_proxy\[0\]\.max_conections: unknown key; did you mean "max_connections"\?/m,
    ],
  ],
]

for (const [what, toml, lines] of INVALID) {
  t.test(`rws check reports ${what}`, async (t) => {
    const { code, stdout, stderr } = await check(toml)
    t.equal(code, 2)
    t.equal(stdout, "")
    for (const line of lines) t.match(stderr, line)
    t.notMatch(stderr, /^ +at .*:\d+/m, "no stack trace")
  })
}

t.test(
  "a max_connections for which there are too few open files is a warning with the limit needed",
  async (t) => {
    const { code, stdout } = await check(`
    [[ws_proxy]]
    bind = "127.0.0.1:8080"
    backends = ["chat-1:9000"]
    max_connections = 2000000000
  `)
    t.equal(code, 0)
    t.match(
      stdout,
      /^The configuration is valid: .*\nWarning, .*: max_connections allows 2000000000 sessions, but /,
    )
    t.match(stdout, /raise it to at least \d{10} \(ulimit -n, /)
  },
)
