import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import t from "tap"
import { checkConfig, loadConfig } from "../../lib/config/load.js"
import { ConfigError } from "../../lib/index.js"
import { temporaryFolder } from "../support/program/program.js"
import { rejectionOf, thrownBy } from "../support/project/thrown.js"

t.test("every file of a registry that can't be used is reported, with its place", async (t) => {
  const folder = await temporaryFolder(t)
  const secret = join(folder, "secret")
  const lines = join(folder, "lines")
  await writeFile(secret, "correct-horse\n")
  await writeFile(lines, "hunter2\nhunter2\n")
  const redis = { store: "redis", url: "redis://127.0.0.1" }
  const http = { store: "http", url: "http://127.0.0.1/{key}" }
  const error = thrownBy(() =>
    checkConfig({
      ws_proxy: [{ bind: "127.0.0.1:0", registry: "a", registry_key: "path:1" }],
      registry: {
        a: { store: "file", file: join(folder, "nothing.toml") },
        b: { store: "file", file: folder },
        c: { store: "file", file: secret },
        d: { ...redis, password_file: "/nowhere/password" },
        e: { ...redis, password_file: secret },
        f: { ...http, password_file: lines },
        g: http,
      },
    }),
  )
  if (!(error instanceof ConfigError)) throw error
  const about = error.problems.map(({ path, message }) => `${path.join(".")}: ${message}`)
  t.match(about.sort(), [
    /^registry\.a\.file: ".*nothing\.toml" can't be read: there is no such file$/,
    /^registry\.b\.file: ".*" can't be read: it is a folder$/,
    /^registry\.d\.password_file: "\/nowhere\/password" can't be read: there is no such file$/,
    /^registry\.f\.password_file: ".*lines" must hold one line/,
  ])
  t.equal(about.length, 4)
  t.notMatch(error.message, /hunter2/)
})

t.test("the line of a missing file is reported", async (t) => {
  const config = join(await temporaryFolder(t), "rws.toml")
  await writeFile(
    config,
    `[[ws_proxy]]
bind = "127.0.0.1:0"
registry = "rooms"
registry_key = "path:1"
[registry.rooms]
store = "file"
file = "/nowhere/rooms.toml"
`,
  )
  const error = await rejectionOf(() => loadConfig(config))
  t.match(error, { problems: [{ line: 7, path: ["registry", "rooms", "file"] }] })
})
