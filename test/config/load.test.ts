import { execFileSync } from "node:child_process"
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import t from "tap"
import { checkConfig, DEFAULT_CONFIG_FILE, loadConfig, parseConfig } from "../../lib/config/load.js"
import { ConfigError } from "../../lib/config/problem.js"
import { rejectionOf, thrownBy } from "../support/project/thrown.js"

const fileFor = (name: string) =>
  `[[ws_proxy]]\nname = "${name}"\nbind = "127.0.0.1:8080"\nbackends = ["127.0.0.1:9000"]\n`

const folder = t.testdir({
  [DEFAULT_CONFIG_FILE]: fileFor("default"),
  "env.toml": fileFor("environment"),
  "named.toml": fileFor("named"),
  "bad.toml": `${fileFor("bad")}listen = 1\n`,
  "latin1.toml": Buffer.from('[[ws_proxy]]\nname = "\xe9"\n', "latin1"),
  "marked.toml": `\ufeff${fileFor("marked")}listen = 1\n`,
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

t.test("by default, rws.config.toml of the working directory is read", async (t) => {
  t.equal(DEFAULT_CONFIG_FILE, "rws.config.toml")
  t.equal(await nameIn(loadConfig()), "default")
})

t.test("$RWS_CONFIG_FILE takes precedence over the default file", async (t) => {
  process.env.RWS_CONFIG_FILE = "env.toml"
  t.equal(await nameIn(loadConfig()), "environment")
  process.env.RWS_CONFIG_FILE = join(folder, "env.toml")
  t.equal(await nameIn(loadConfig()), "environment")
})

t.test("an empty $RWS_CONFIG_FILE counts as unset", async (t) => {
  process.env.RWS_CONFIG_FILE = ""
  t.equal(await nameIn(loadConfig()), "default")
})

t.test("the file that the caller names takes precedence over all others", async (t) => {
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
  { title: "a folder", file: "empty", message: /^empty: it is a folder: expected a file$/ },
  {
    title: "a file below a file",
    file: "named.toml/rws.toml",
    message: /^named\.toml\/rws\.toml: there is no such file: a part of its path is not a folder$/,
  },
]

for (const { title, file, message } of unreadable) {
  t.test(`${title} is reported by its name and what is wrong with it`, async (t) => {
    const error = await loadConfig(file).catch((error: unknown) => error)
    t.type(error, ConfigError)
    t.match(error, { source: file, message })
  })
}

t.test("a pipe or a device is refused, and not waited for", async (t) => {
  const fifo = join(t.testdir(), "fifo")
  execFileSync("mkfifo", [fifo])
  for (const file of [fifo, "/dev/zero"]) {
    const message = `${file}: expected a regular file: rws reads it again at each reload`
    await t.rejects(loadConfig(file), { name: "ConfigError", message })
  }
})

t.test("a file that the user may not read is reported in words", async (t) => {
  const readable = await mkdtemp(join(tmpdir(), "rws-load-"))
  t.teardown(() => rm(readable, { recursive: true }))
  const file = join(readable, "rws.toml")
  await writeFile(file, fileFor("secret"))
  await chmod(readable, 0o755)
  await chmod(file, 0)
  // Root may read every file.
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  const error = await rejectionOf(() => loadConfig(file))
  if (isRoot) process.seteuid?.(0)
  t.match(error, { message: `${file}: permission denied: the user that runs rws can't read it` })
})

t.test("a file that is not UTF-8 is reported with its name and line", async (t) => {
  await t.rejects(loadConfig("latin1.toml"), {
    name: "ConfigError",
    message: "latin1.toml:2: not UTF-8; expected UTF-8: save the file in that encoding",
  })
})

t.test("lines are right in a file with a byte order mark", async (t) => {
  t.match(await rejectionOf(() => loadConfig("marked.toml")), { problems: [{ line: 5 }] })
})

const FIRST = /\nA first configuration:\n\[\[ws_proxy\]\]\nbind = ".*"\nbackends = \[".*"\]$/

for (const [title, toml] of [
  ["an empty file", ""],
  ["a file of comments", "# nothing yet\n"],
  ["a file without any [[ws_proxy]]", '[log]\nlevel = "info"\n'],
  ["a JSON file", '{ "ws_proxy": [] }\n'],
  ["a YAML file", "ws_proxy:\n  - bind: a\n"],
] as const) {
  t.test(`${title} gets a hint with a first configuration, which works`, async (t) => {
    const error = await rejectionOf(() => parseConfig(toml, "rws.toml"))
    if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
    t.match(error.message, FIRST)
    const [, ...lines] = error.hints.join("\n").split("\n")
    t.equal((await parseConfig(lines.join("\n"), "first")).ws_proxy.length, 1)
  })
}

t.test("a file with a listener gets no hint with a first configuration", async (t) => {
  const error = await rejectionOf(() => parseConfig("[[ws_proxy]]\n", "rws.toml"))
  t.notMatch(error instanceof Error && error.message, /first configuration/)
})

for (const name of ["constructor", "toString", "hasOwnProperty", "valueOf"]) {
  t.test(`a pool may be called ${name}`, async (t) => {
    const toml = `[[ws_proxy]]\nbind = "127.0.0.1:0"\npool = "${name}"\n[pool.${name}]\nbackends = ["a:1"]\n`
    const { pool } = await parseConfig(toml, "rws.toml")
    t.strictSame(Object.keys(pool ?? {}), [name])
    t.match(pool?.[name]?.backends, ["a:1"])
  })

  t.test(`a condition may be called ${name}`, async (t) => {
    const condition = `{ ${name} = "a" }`
    const toml = `${fileFor("x")}[[ws_proxy.route]]\nheader = ${condition}\nquery = ${condition}\n`
    const [route] = (await parseConfig(toml, "rws.toml")).ws_proxy[0]?.route ?? []
    t.strictSame(Object.entries(route?.header ?? {}), [[name, "a"]])
    t.strictSame(Object.entries(route?.query ?? {}), [[name, "a"]])
  })
}

t.test(
  "a file that $RWS_CONFIG_FILE names and that is missing is an error, and no other file is read",
  async (t) => {
    process.env.RWS_CONFIG_FILE = "missing.toml"
    await t.rejects(loadConfig(), { name: "ConfigError", message: "missing.toml: there is no such file" })
  },
)

t.test("problems of a file are reported with its name and the line", async (t) => {
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

t.test("a file may start with a byte order mark", async (t) => {
  t.equal((await parseConfig(`\ufeff${fileFor("bom")}`, "bom")).ws_proxy[0]?.name, "bom")
})

t.test("a TOML syntax error is shown with its line and column", async (t) => {
  const error = await rejectionOf(() => parseConfig('[[ws_proxy]]\nbind = "127.0.0.1:8080\n', "rws.toml"))
  if (!(error instanceof ConfigError)) throw error ?? new Error("it was accepted")
  t.match(error.message, /^rws\.toml:2: not valid TOML: /)
  t.match(error.message, /\n2: +bind = "127\.0\.0\.1:8080\n +\^\n/)
  t.match(error.message, /\nKeys and values are checked once the file is valid TOML\.$/)
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
