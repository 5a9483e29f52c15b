import { writeFileSync } from "node:fs"
import { join } from "node:path"
import t from "tap"
import { checkConfig } from "../../lib/config/load.js"
import { ConfigError } from "../../lib/index.js"
import { makeKey } from "../support/access/tokens.js"
import { socketFolder } from "../support/peers/socket-folder.js"
import { thrownBy } from "../support/project/thrown.js"

t.test("every key file and secret file that can't be used is reported, with its place", async (t) => {
  const folder = socketFolder(t)
  const fileWith = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const good = fileWith("good.pem", makeKey("k").pem)
  const error = thrownBy(() =>
    checkConfig({
      ws_proxy: [
        {
          bind: "127.0.0.1:0",
          backends: ["127.0.0.1:1"],
          jwt: { key_files: [good, "/nowhere/key.pem", fileWith("bad.pem", "hunter2")] },
          route: [
            { path: "/a", jwt: { secret_file: fileWith("short", "hunter2") } },
            { path: "/b", jwt: { key_files: [good] } },
            { path: "/c", jwt: { key_files: "x" as never } },
          ],
        },
      ],
    }),
  )
  if (!(error instanceof ConfigError)) throw error
  const about = error.problems.map(({ path, message }) => `${path.join(".")}: ${message}`)
  t.match(about.sort(), [
    /^ws_proxy\.0\.jwt\.key_files\.1: key_files "\/nowhere\/key\.pem" can't be read: there is no such file$/,
    /^ws_proxy\.0\.jwt\.key_files\.2: .* holds no key/,
    /^ws_proxy\.0\.route\.0\.jwt\.secret_file: .* holds 7 bytes: HS256 needs at least 32$/,
    /^ws_proxy\.0\.route\.2\.jwt\.key_files: expected a list/,
  ])
  t.notMatch(error.message, /hunter2/)
})
