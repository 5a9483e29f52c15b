/** rws.config.toml at the top of the project: the example that users begin with. */
import t from "tap"
import { checkConfig, loadConfig, parseConfig } from "../../lib/config/load.js"
import { configSchema, listenerSchema } from "../../lib/config/schema.js"
import { projectPath, readProjectFile } from "../support/project.js"

const FILE = "rws.config.toml"
const text = readProjectFile(FILE)

t.test("the example configuration is valid", async (t) => {
  const { ws_proxy } = await loadConfig(projectPath(FILE))
  t.ok(ws_proxy.length > 0)
})

const keys = [...Object.keys(listenerSchema.shape), ...Object.keys(configSchema.shape.log.unwrap().shape)]

for (const key of keys) {
  t.test(`the example configuration shows the key ${key} and explains it`, async (t) => {
    const explained = new RegExp(`^(# *)?${key} *= *.*(# .{5}|\\[ *# .{5})`, "m")
    const introduced = new RegExp(`^# .{5}.*\\n(# *)?${key} *=`, "m")
    t.ok(explained.test(text) || introduced.test(text))
  })
}

t.test("what the example configuration says of a key that has a default is that default", async (t) => {
  const { log, ws_proxy } = await loadConfig(projectPath(FILE))
  for (const listener of ws_proxy) {
    const { name, bind, backends } = listener
    const required = { ...(name !== undefined && { name }), bind, backends }
    t.strictSame({ log, ws_proxy: [listener] }, checkConfig({ ws_proxy: [required] }))
  }
})

t.test("what the example configuration has commented out is valid once it is not", async (t) => {
  const settings = text.replace(/^# *(\[+\w+\]+|[a-z_]+ *= *["'[\d].*)$/gm, "$1")
  t.not(settings, text, "there is something")
  t.ok((await parseConfig(settings, FILE)).ws_proxy.length > 1)
})
