import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import t, { type Test } from "tap"
import { CommandLines } from "../../support/program/command-lines.js"
import { startRws, temporaryFolder, untilLogged } from "../../support/program/program.js"

const commandLines = CommandLines.start(t)

function fileOf(name: string): string {
  return `[[ws_proxy]]\nname = "${name}"\nbind = "127.0.0.1:0"\nbackends = ["127.0.0.1:9"]\n`
}

/** A folder with a configuration under the default name and two under other names. */
async function folderWithFiles(t: Test): Promise<string> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, "rws.config.toml"), fileOf("usual"))
  await writeFile(join(folder, "named.toml"), fileOf("named"))
  await writeFile(join(folder, "environment.toml"), fileOf("environment"))
  return folder
}

const ENVIRONMENT = { RWS_CONFIG_FILE: "environment.toml" }

const SOURCES = [
  ["./rws.config.toml where nobody names a file", [], {}, "usual"],
  ["./rws.config.toml where $RWS_CONFIG_FILE is empty", [], { RWS_CONFIG_FILE: "" }, "usual"],
  ["the file of $RWS_CONFIG_FILE", [], ENVIRONMENT, "environment"],
  ["the file of --config", ["--config", "named.toml"], {}, "named"],
  ["the file of -c", ["-c", "named.toml"], {}, "named"],
  ["the file of its argument", ["named.toml"], {}, "named"],
  ["the file of its argument before that of $RWS_CONFIG_FILE", ["named.toml"], ENVIRONMENT, "named"],
  ["the file of --config before that of $RWS_CONFIG_FILE", ["--config=named.toml"], ENVIRONMENT, "named"],
] as const

for (const [source, args, env, name] of SOURCES) {
  t.test(`rws check reads ${source}`, async (t) => {
    const cwd = await folderWithFiles(t)
    const { code, stdout } = await commandLines.run(["check", ...args], { cwd, env })
    t.equal(code, 0)
    t.match(stdout, new RegExp(`^${name}$`, "m"))
  })
}

for (const command of [["--config"], ["serve", "--config"], ["serve"]]) {
  t.test(`${["rws", ...command].join(" ")} FILE serves what rws check reads`, async (t) => {
    const cwd = await folderWithFiles(t)
    const rws = startRws(t, [...command, "named.toml"], { cwd, env: ENVIRONMENT })
    t.match(await untilLogged(rws, ({ msg }) => msg === "listening"), { listener: "named" })
  })
}

t.test("listener flags replace the whole file, even if $RWS_CONFIG_FILE is set", async (t) => {
  const cwd = await folderWithFiles(t)
  const args = ["--bind", "127.0.0.1:0", "--backend", "127.0.0.1:9", "--name", "flags"]
  const rws = startRws(t, args, { cwd, env: ENVIRONMENT })
  t.match(await untilLogged(rws, ({ msg }) => msg === "listening"), { listener: "flags" })
})

t.test("--log-level overrides the level of the file", async (t) => {
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, "rws.config.toml"), `${fileOf("quiet")}[log]\nlevel = "silent"\n`)
  const rws = startRws(t, ["--log-level", "info"], { cwd })
  t.match(await untilLogged(rws, ({ msg }) => msg === "listening"), { listener: "quiet" })
})

for (const command of [[], ["serve"], ["check"]]) {
  const name = ["rws", ...command].join(" ")

  t.test(`${name} without any file says which file is missing and lists the alternatives`, async (t) => {
    const { code, stdout, stderr } = await commandLines.run(command, { cwd: await temporaryFolder(t) })
    t.equal(code, 2)
    t.equal(stdout, "")
    t.match(stderr, /^rws\.config\.toml: there is no such file\n/)
    for (const way of ["--config", "rws --bind", "rws demo"]) t.match(stderr, way)
    t.notMatch(stderr, /^ +at /m, "no stack trace")
  })

  t.test(`${name} with an unreadable file reports it and the reason`, async (t) => {
    const cwd = await temporaryFolder(t)
    await mkdir(join(cwd, "folder.toml"))
    const { code, stderr } = await commandLines.run([...command, "--config", "folder.toml"], { cwd })
    t.equal(code, 2)
    t.match(stderr, /^folder\.toml: it is a folder: expected a file$/m)
    t.notMatch(stderr, /^ +at /m, "no stack trace")
  })
}

t.test("an invalid file keeps rws from starting, with the same errors as rws check", async (t) => {
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, "rws.config.toml"), '[[ws_proxy]]\nlisten = "127.0.0.1:1"\nbackends = ["a:1"]\n')
  const serve = await commandLines.run([], { cwd })
  const check = await commandLines.run(["check"], { cwd })
  t.equal(serve.code, 2)
  t.match(serve.stderr, 'rws.config.toml:2: ws_proxy[0].listen: unknown key; did you mean "bind"?')
  t.equal(serve.stderr, check.stderr)
})
