import { readFile } from "node:fs/promises"
import t from "tap"
import { CommandLines } from "../../support/program/command-lines.js"
import { RWS, runRws, temporaryFolder } from "../../support/program/program.js"
import { readProjectFile } from "../../support/project/project.js"

const cwd = await temporaryFolder(t)
const commandLines = CommandLines.start(t)
const help = await runRws(t, ["--help"], { cwd })
const version = await runRws(t, ["--version"], { cwd })

const MISTAKES = [
  ["an unknown command", ["serv"], "serv"],
  [
    "an unknown command like none",
    ["frobnicate"],
    "commands: serve, check, reload, ctl, endpoints, top, healthcheck, init, systemd, grafana, interceptor, echo, demo",
  ],
  ["a misspelt command", ["chek"], 'did you mean "check"?'],
  ["a file without its command", ["rws.toml"], "rws serve rws.toml"],
  ["a file too many", ["check", "rws.toml", "more"], "more"],
  ["a file that is named in both ways", ["check", "a.toml", "--config", "b.toml"], "a.toml"],
  ["a file and a flag of a listener", ["serve", "a.toml", "--bind", "127.0.0.1:1"], "--bind"],
  ["a file without a name", ["check", ""], "expected a file"],
  ["an argument too many", ["demo", "more"], "more"],
  ["an unknown flag", ["--listen", "127.0.0.1:1"], "unknown flag --listen; did you mean --bind?"],
  [
    "a flag of HAProxy",
    ["--timeout-tunnel=5"],
    "unknown flag --timeout-tunnel; did you mean --idle-timeout-ms?",
  ],
  ["a misspelt flag", ["--confg", "a.toml"], "unknown flag --confg; did you mean --config?"],
  ["a misspelt flag of a list", ["--backedns=a:1"], "unknown flag --backedns; did you mean --backend?"],
  [
    "the level of the log by its key",
    ["--log.level", "info"],
    "unknown flag --log.level; did you mean --log-level?",
  ],
  ["a certificate", ["--ssl-certificate", "a.pem"], "rws does not terminate TLS"],
  ["a pool as a flag", ["--pool", "chat"], "--pool is not a flag: pool can only be set in a file"],
  ["a table as a flag", ["--tls.ca=a.pem"], "--tls.ca is not a flag: tls can only be set in a file"],
  ["a key of a route as a flag", ["--strip-prefix"], "strip_prefix can only be set in a file"],
  ["an unknown flag of a command", ["check", "--nope"], "nope"],
  ["a flag without its value", ["--bind"], "bind"],
  ["a flag of another command", ["demo", "--raw"], "raw"],
  ["a missing flag", ["echo"], "bind"],
  ["an unknown log level", ["--log-level", "loud"], "log-level"],
  ["a file that is named twice", ["--config", "a.toml", "--config", "b.toml"], "config"],
  ["a level that is given twice", ["--log-level", "info", "--log-level", "debug"], "log-level"],
  [
    "a level that is given twice together with other flags",
    ["--bind=192.0.2.1:1", "--backend=127.0.0.1:1", "--log-level=info", "--log-level=debug"],
    "log-level",
  ],
  [
    "an address that is given twice",
    ["--bind=192.0.2.1:1", "--bind=192.0.2.1:2", "--backend=127.0.0.1:1"],
    "bind",
  ],
  ["a file and flags together", ["--config", "a.toml", "--bind", "127.0.0.1:1"], "--config"],
  ["an address to echo on that is none", ["echo", "--bind", "here"], '"here"'],
] as const

for (const [what, args, named] of MISTAKES) {
  t.test(`${what} (rws ${args.join(" ")}) is a usage error with an explanation`, async (t) => {
    const { code, stdout, stderr } = await commandLines.run(args, { cwd })
    t.equal(code, 2)
    t.equal(stdout, "")
    t.match(stderr, named)
    t.notMatch(stderr, /^ +at |\[ERR_|node:internal/m, "no stack trace")
    t.ok(stderr.split("\n").length <= 5, "short")
  })
}

t.test("the program exits with the code of its command line", async (t) => {
  for (const args of [["serv"], ["--bind"], ["check", ""]]) {
    const { signal, ...outcome } = await runRws(t, args, { cwd })
    t.equal(signal, null)
    t.strictSame(outcome, await commandLines.run(args, { cwd }))
  }
})

t.test("--help shows the commands, examples and exit codes", async (t) => {
  const { code, stdout, stderr } = help
  t.equal(code, 0)
  t.equal(stderr, "")
  for (const command of ["serve", "check", "healthcheck", "init", "systemd", "echo", "demo"])
    t.match(stdout, new RegExp(`^ +rws ${command} `, "m"))
  t.match(stdout, /^Examples:\n( +rws .*\n)/m)
  t.match(stdout, /^Exit codes:.*\b0\b.*\b1\b.*\b2\b/m)
})

for (const [short, long, outcome] of [
  ["-h", "--help", help],
  ["-v", "--version", version],
] as const) {
  t.test(`${short} is short for ${long}`, async (t) => {
    t.strictSame(await runRws(t, [short], { cwd }), outcome)
    t.equal(outcome.code, 0)
  })
}

for (const command of ["serve", "check", "healthcheck", "init", "systemd", "echo", "demo"]) {
  t.test(`rws ${command} --help explains that command`, async (t) => {
    const { code, stdout } = await runRws(t, [command, "--help"], { cwd })
    t.equal(code, 0)
    t.match(stdout, `rws ${command}`)
  })
}

t.test("--version is the version of the package", async (t) => {
  const packed = JSON.parse(await readFile(new URL("../../package.json", `file://${RWS}`), "utf8"))
  t.equal(version.code, 0)
  t.equal(version.stdout, `${packed.version}\n`)
})

t.test("the help is in English in every locale", async (t) => {
  const german = await runRws(t, ["--help"], { cwd, env: { LANG: "de_DE.UTF-8", LC_ALL: "de_DE.UTF-8" } })
  t.equal(german.stdout, help.stdout)
})

t.test("rws init prints the commented rws.config.toml", async (t) => {
  const { code, stdout, stderr } = await runRws(t, ["init"], { cwd })
  t.strictSame({ code, stderr }, { code: 0, stderr: "" })
  t.equal(stdout, readProjectFile("rws.config.toml"))
})

t.test("the command is executable by its own name", async (t) => {
  const [shebang] = (await readFile(RWS, "utf8")).split("\n")
  t.equal(shebang, "#!/usr/bin/env node")
})
