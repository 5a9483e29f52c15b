/** `rws endpoints` on files: what it changes, what it keeps, and what it refuses. */
import { chmod, readFile, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { runRws, temporaryFolder } from "../../support/program/program.js"

interface World {
  readonly folder: string
  /** The file of the registry. */
  readonly file: string
  /** Runs `rws endpoints` with these arguments. */
  run(...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }>
  text(): Promise<string>
}

async function world(t: Test, name: string, text: string, registries?: string): Promise<World> {
  const folder = await temporaryFolder(t)
  const file = join(folder, name)
  await writeFile(file, text)
  const config = join(folder, "rws.toml")
  const listener = '[[ws_proxy]]\nbind = "127.0.0.1:0"\nregistry = "rooms"\nregistry_key = "query:id"\n'
  const registry = `[registry.rooms]\nstore = "file"\nfile = "${file}"\n`
  await writeFile(config, (registries ?? registry) + listener)
  return {
    folder,
    file,
    run: (...args) => runRws(t, ["endpoints", ...args, "--config", config]),
    text: () => readFile(file, "utf8"),
  }
}

const TOML = `# Our rooms.

[endpoints.one] # the first
url = "ws://one.example"

# About two.
[endpoints."t wo"]
url = "ws://two.example" # here
[endpoints."t wo".fields]
X-A = "1"
`

t.test("in TOML only the lines of the entry change", async (t) => {
  const { run, text } = await world(t, "rooms.toml", TOML)
  t.match(await run("set", "one", "ws://new.example"), {
    code: 0,
    stdout: "one is active at ws://new.example.\n",
  })
  t.equal(await text(), TOML.replace(" # the first", "").replace("one.example", "new.example"))
  t.match(await run("disable", "t wo"), { code: 0, stdout: "t wo is inactive at ws://two.example.\n" })
  t.match(
    await text(),
    /# About two.\n\[endpoints."t wo"\]\nurl = "ws:\/\/two.example"\nactive = false\n\n\[endpoints."t wo".fields\]\nX-A = "1"\n$/,
  )
  t.match(await run("remove", "t wo"), { code: 0, stdout: "t wo has been removed.\n" })
  t.match(await text(), /new.example"\n\n# About two.\n$/)
  t.match(
    await run(
      "set",
      "three",
      "ws://three.example",
      "--field",
      "X-A=b=c",
      "--field",
      "X-B=",
      "--max-connections",
      "3",
    ),
    { code: 0 },
  )
  t.same(JSON.parse((await run("get", "three")).stdout), {
    url: "ws://three.example",
    fields: { "X-A": "b=c", "X-B": "" },
    max_connections: 3,
  })
})

t.test("a file in JSON keeps its mode, and a symbolic link stays one", async (t) => {
  const { run, file, folder } = await world(t, "real.json", "{}")
  await chmod(file, 0o640)
  const link = join(folder, "rooms.json")
  await symlink(file, link)
  const other = await world(t, "x", "", `[registry.rooms]\nstore = "file"\nfile = "${link}"\n`)
  await other.run("set", "__proto__", "ws://one.example", "--allowed-origin", "https://a.example")
  t.match(await run("list", "--json"), {
    stdout:
      '{\n  "__proto__": {\n    "url": "ws://one.example",\n    "allowed_origins": [\n      "https://a.example"\n    ]\n  }\n}\n',
  })
  t.equal((await stat(file)).mode & 0o777, 0o640)
  t.match(await run("enable", "__proto__"), { code: 0 })
  t.match(await run("list"), { stdout: "ENDPOINT   ACTIVE  URL\n__proto__  yes     ws://one.example\n" })
})

const REFUSED: readonly (readonly [args: readonly string[], code: number, message: RegExp])[] = [
  [["get", "two"], 1, /^there is no endpoint "two"\n$/],
  [["remove", "two"], 1, /^there is no endpoint "two"\n$/],
  [["enable", "two"], 1, /^there is no endpoint "two"\n$/],
  [["get"], 2, /^rws endpoints get needs the key of an endpoint\n/],
  [["get", ".."], 2, /^".." can't be the key of an endpoint\n/],
  [["get", "one", "ws://a"], 2, /^rws endpoints get takes no URL\n/],
  [["list", "one"], 2, /^rws endpoints list takes no key/],
  [["set", "two"], 2, /^endpoint "two": url: expected ws:/],
  [["set", "two", "ws://user:secret@a"], 2, /^endpoint "two": url: expected ws:/],
  [["set", "two", "ws://a", "--field", "X-A"], 2, /^--field: "X-A" is not NAME=VALUE/],
  [
    ["set", "two", "ws://a", "--field", "Upgrade=x"],
    2,
    /^endpoint "two": fields: "Upgrade" can't be changed/,
  ],
  [["list", "--registry", "halls"], 2, /^there is no registry "halls"; there is: rooms\n/],
  [["rename", "one"], 2, /order/],
]

for (const [args, code, message] of REFUSED) {
  t.test(`rws endpoints ${args.join(" ")} is refused`, async (t) => {
    const { run, text } = await world(t, "rooms.toml", TOML)
    t.match(await run(...args), { code, stdout: "", stderr: message })
    t.equal(await text(), TOML)
  })
}

t.test("entries that are not tables of their own are left alone", async (t) => {
  for (const toml of ['endpoints = { one = { url = "ws://a" } }\n', '[endpoints]\none.url = "ws://a"\n']) {
    const { run, text } = await world(t, "rooms.toml", toml)
    t.match(await run("disable", "one"), {
      code: 1,
      stderr: /not written as \[endpoints.ID\]: change it by hand/,
    })
    t.equal(await text(), toml)
    t.match(await run("list"), { stdout: /one +yes +ws:\/\/a/ })
  }
})

t.test(
  "with several registries the command line says which one, and one behind HTTP is read-only",
  async (t) => {
    const http = (name: string) => `[registry.${name}]\nstore = "http"\nurl = "http://127.0.0.1:1/{key}"\n`
    const { run } = await world(t, "x", "", http("halls") + http("rooms"))
    t.match(await run("list"), { code: 2, stderr: /^which one\? --registry halls or --registry rooms/ })
    t.match(await run("list", "--registry", "halls"), { code: 2, stderr: /read-only/ })
  },
)

t.test("a file that is not there is reported with its line", async (t) => {
  const { run } = await world(t, "x", "", '[registry.rooms]\nstore = "file"\nfile = "/nonexistent"\n')
  const stderr = /rws\.toml:3: registry\.rooms\.file: "\/nonexistent" can't be read: there is no such file/
  t.match(await run("list"), { code: 2, stderr })
})
