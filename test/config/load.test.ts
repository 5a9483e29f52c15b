import { join } from "node:path"
import t from "tap"
import { checkConfig, DEFAULT_CONFIG_FILE, loadConfig, parseConfig } from "../../lib/config/load.js"
import { ConfigError } from "../../lib/config/problem.js"
import { rejectionOf, thrownBy } from "../support/thrown.js"

const fileFor = (name: string) =>
  `[[ws_proxy]]\nname = "${name}"\nbind = "127.0.0.1:8080"\nbackends = ["127.0.0.1:9000"]\n`

const folder = t.testdir({
  [DEFAULT_CONFIG_FILE]: fileFor("default"),
  "env.toml": fileFor("environment"),
  "named.toml": fileFor("named"),
  "bad.toml": `${fileFor("bad")}listen = 1\n`,
  empty: {},
})
const workingDirectory = process.cwd()

t.beforeEach(() => {
  process.chdir(folder)
  delete process.env.RWS_CONFIG_FILE
})
t.afterEach(() => {
  process.chdir(workingDirectory)
  delete process.env.RWS_CONFIG_FILE
})

async function nameIn(loaded: ReturnType<typeof loadConfig>): Promise<string | undefined> {
  return (await loaded).ws_proxy[0]?.name
}

t.test("without any word rws.config.toml of the working directory is read", async (t) => {
  t.equal(DEFAULT_CONFIG_FILE, "rws.config.toml")
  t.equal(await nameIn(loadConfig()), "default")
})

t.test("the file that $RWS_CONFIG_FILE names is read before the default one", async (t) => {
  process.env.RWS_CONFIG_FILE = "env.toml"
  t.equal(await nameIn(loadConfig()), "environment")
  process.env.RWS_CONFIG_FILE = join(folder, "env.toml")
  t.equal(await nameIn(loadConfig()), "environment")
})

t.test("an empty $RWS_CONFIG_FILE is none", async (t) => {
  process.env.RWS_CONFIG_FILE = ""
  t.equal(await nameIn(loadConfig()), "default")
})

t.test("the file that the caller names is read before any other", async (t) => {
  process.env.RWS_CONFIG_FILE = "env.toml"
  t.equal(await nameIn(loadConfig("named.toml")), "named")
})

const unreadable: { title: string; file: string; message: RegExp }[] = [
  {
    title: "a file that is missing",
    file: "missing.toml",
    message: /^missing\.toml: there is no such file$/,
  },
  {
    title: "a file in a folder that is missing",
    file: "missing/rws.toml",
    message: /^missing\/rws\.toml: there is no such file$/,
  },
  { title: "a folder", file: "empty", message: /^empty: .*EISDIR/ },
  {
    title: "a file below a file",
    file: "named.toml/rws.toml",
    message: /^named\.toml\/rws\.toml: .*ENOTDIR/,
  },
]

for (const { title, file, message } of unreadable) {
  t.test(`${title} is reported by its name and what is wrong with it`, async (t) => {
    const error = await loadConfig(file).catch((error: unknown) => error)
    t.type(error, ConfigError)
    t.match(error, { source: file, message })
  })
}

t.test(
  "a file that $RWS_CONFIG_FILE names and that is missing is an error, and no other file is read",
  async (t) => {
    process.env.RWS_CONFIG_FILE = "missing.toml"
    await t.rejects(loadConfig(), { name: "ConfigError", message: "missing.toml: there is no such file" })
  },
)

t.test("what is wrong in a file is reported with the file's name and the line", async (t) => {
  await t.rejects(loadConfig("bad.toml"), {
    name: "ConfigError",
    message: /^bad\.toml:5: ws_proxy\[0\]\.listen: unknown key; did you mean "bind"\?$/,
  })
})

t.test("TOML text is checked under the name that it is given", async (t) => {
  t.equal((await parseConfig(fileFor("text"), "text")).ws_proxy[0]?.name, "text")
  const error = await rejectionOf(() => parseConfig(`${fileFor("text")}listen = 1\n`, "the text"))
  t.match(error, { name: "ConfigError", source: "the text", problems: [{ line: 5 }] })
})

t.test("lines are right in a file with CRLF", async (t) => {
  const toml = `${fileFor("crlf")}listen = 1\n`.replaceAll("\n", "\r\n")
  t.match(await rejectionOf(() => parseConfig(toml, "crlf")), {
    problems: [{ path: ["ws_proxy", 0, "listen"], line: 5 }],
  })
})

t.test("a file that begins with a byte order mark is read like others", async (t) => {
  t.equal((await parseConfig(`\ufeff${fileFor("bom")}`, "bom")).ws_proxy[0]?.name, "bom")
})

t.test("a mistake in TOML's own grammar is shown with its line and its place in it", async (t) => {
  const error = await rejectionOf(() => parseConfig('[[ws_proxy]]\nbind = "127.0.0.1:8080\n', "rws.toml"))
  if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
  t.match(error.message, /^rws\.toml:2: not valid TOML: /)
  t.match(error.message, /\n2: +bind = "127\.0\.0\.1:8080\n +\^$/)
  t.notMatch(error.message, /Invalid TOML document/)
  t.match(error.problems, [{ path: [], line: 2 }])
})

t.test("an object is checked in place of a file, and its problems have no lines", async (t) => {
  const listener = { bind: "127.0.0.1:8080", backends: ["127.0.0.1:9000"] }
  t.match(checkConfig({ ws_proxy: [listener] }).ws_proxy, [listener])
  const error = thrownBy(() => checkConfig({ ws_proxy: [{ ...listener, listen: 1 }] }))
  if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
  t.equal(error.message, 'configuration: ws_proxy[0].listen: unknown key; did you mean "bind"?')
  t.equal(error.problems[0]?.line, undefined)
})
