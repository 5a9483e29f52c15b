import { access, readFile, writeFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import t, { type Test } from "tap"
import ts from "typescript"
import { CLOSE_REASONS } from "../../lib/close-reason.js"
import {
  ADMIN,
  FORWARD_AUTH,
  JWT,
  type KnownTable,
  LISTENER,
  LOG,
  REGISTRY,
  STICKY_ATTRIBUTES,
  TOP,
  VERDICT_CACHE,
} from "../../lib/config/known-tables.js"
import { listenerSchema } from "../../lib/config/listener-schema.js"
import { parseConfig } from "../../lib/config/load.js"
import { tlsSchema } from "../../lib/net/tls-settings.js"
import { backendSchema, toBackendSettings } from "../../lib/pool/backend-settings.js"
import { HEALTH_CHECK_DEFAULTS, healthCheckSchema } from "../../lib/pool/health-check-settings.js"
import { inlinePoolShape, poolSchema } from "../../lib/pool/pool-schema.js"
import { POOL_DEFAULTS } from "../../lib/pool/pool-settings.js"
import { routeSchema, ruleKeys } from "../../lib/routing/route-schema.js"
import { CLOSING_MS } from "../../lib/session/closing.js"
import { upgradeHead } from "../support/http/heads.js"
import { deadAddress, startEchoBackend } from "../support/peers/backend.js"
import { RawPeer } from "../support/peers/raw-peer.js"
import { complaintsAbout, folderInPackage } from "../support/program/consumer.js"
import {
  Program,
  runRws,
  serveFile,
  startRws,
  temporaryFolder,
  untilLogged,
} from "../support/program/program.js"
import { blockOf, blocksOf, codesIn, filesIn, README, tablesOf } from "../support/project/readme.js"

const ROOT = fileURLToPath(new URL("../../../", import.meta.url))
const { scripts } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"))
const [firstExample = ""] = blocksOf("toml")
const defaultsOf = ({ settings }: KnownTable) =>
  Object.fromEntries(settings.map(({ key, default: standard }) => [key, standard]))

t.test("every TOML example is a valid configuration", async (t) => {
  const others = [...filesIn("toml").values()]
  const examples = blocksOf("toml").filter((example) => !others.includes(example))
  t.ok(examples.length > 0)
  const file = join(await temporaryFolder(t), "of-a-registry")
  await writeFile(file, "password")
  for (const example of examples) {
    const text = example.replace(/^(file|password_file) = ".*"/gm, `$1 = "${file}"`)
    await t.resolves(parseConfig(text, "README.md"))
  }
})

t.test("the README's file with endpoints is one that the file store takes", async (t) => {
  const file = join(await temporaryFolder(t), "rooms.toml")
  await writeFile(file, filesIn("toml").get("rooms.toml") ?? "")
  const { code, stdout } = await runRws(t, ["endpoints", "get", "blue", "--config", await configOf(t, file)])
  t.equal(code, 0)
  t.match(stdout, "wss://blue.rooms.internal:9443/base")
})

/** A configuration whose only registry is in this file. */
async function configOf(t: Test, file: string): Promise<string> {
  const config = join(await temporaryFolder(t), "rws.config.toml")
  const listener = `[[ws_proxy]]\nbind = "127.0.0.1:0"\nregistry = "rooms"\nregistry_key = "path:1"\n`
  await writeFile(config, `${listener}[registry.rooms]\nstore = "file"\nfile = "${file}"\n`)
  return config
}

/** Shown as the default of keys without one: required keys, and defaults that are undefined or empty. */
const IN_WORDS = /^[^`]+$/

interface Table {
  readonly title: string
  readonly keys: readonly string[]
  readonly defaults: Readonly<Record<string, unknown>>
}

const backendDefaults: Table["defaults"] = { ...toBackendSettings("a:1"), address: undefined }
const ruleKeyNames = Object.keys(ruleKeys)
const inlineKeys = Object.keys(inlinePoolShape).filter((key) => key !== "backends")
const keysOf = (schema: { shape: object }, without: readonly string[] = []) =>
  Object.keys(schema.shape).filter((key) => !without.includes(key))

/** In the order of the README. Pool keys and rules have one table each, although several tables take them. */
const keyTables: readonly Table[] = [
  {
    title: "program",
    keys: TOP.keys.filter((key) => !["log", "admin", "pool", "registry", "ws_proxy"].includes(key)),
    defaults: defaultsOf(TOP),
  },
  {
    title: "listener",
    keys: keysOf(listenerSchema, inlineKeys),
    defaults: { ...defaultsOf(LISTENER), route: undefined },
  },
  {
    title: "route",
    keys: keysOf(routeSchema, [...inlineKeys, ...ruleKeyNames]),
    defaults: { strip_prefix: false, skip_auth: false },
  },
  { title: "pool", keys: keysOf(poolSchema), defaults: { ...POOL_DEFAULTS } },
  { title: "backend", keys: keysOf(backendSchema), defaults: backendDefaults },
  {
    title: "sticky attributes",
    keys: [...STICKY_ATTRIBUTES.keys],
    defaults: defaultsOf(STICKY_ATTRIBUTES),
  },
  { title: "health check", keys: keysOf(healthCheckSchema), defaults: { ...HEALTH_CHECK_DEFAULTS } },
  { title: "tls", keys: keysOf(tlsSchema), defaults: { ...tlsSchema.parse({}) } },
  { title: "jwt", keys: [...JWT.keys], defaults: defaultsOf(JWT) },
  { title: "forward auth", keys: [...FORWARD_AUTH.keys], defaults: defaultsOf(FORWARD_AUTH) },
  { title: "verdict cache", keys: [...VERDICT_CACHE.keys], defaults: defaultsOf(VERDICT_CACHE) },
  { title: "registry", keys: [...REGISTRY.keys], defaults: defaultsOf(REGISTRY) },
  { title: "log", keys: [...LOG.keys], defaults: defaultsOf(LOG) },
  { title: "admin", keys: [...ADMIN.keys], defaults: defaultsOf(ADMIN) },
]

for (const [index, { title, keys, defaults }] of keyTables.entries()) {
  t.test(`the table of ${title} keys matches the schema and its defaults`, async (t) => {
    const rows = tablesOf("key", "default", "meaning")[index] ?? []
    t.strictSame([...rows.map(([key]) => key)].sort(), keys.map((key) => `\`${key}\``).sort())
    for (const [key = "", written = ""] of rows) {
      const value = defaults[key.slice(1, -1)]
      const isPlain = value !== undefined && (typeof value !== "object" || Array.isArray(value))
      if (isPlain) t.equal(written, `\`${JSON.stringify(value)}\``, key)
      else t.match(written, IN_WORDS, key)
    }
  })
}

t.test("the section on routes lists every rule that a route may override", async (t) => {
  const [, section = ""] = /### `\[\[ws_proxy\.route\]\]`\n([\s\S]*?)\n### /.exec(README) ?? []
  for (const key of ruleKeyNames) t.ok(section.includes(`\`${key}\``), key)
})

t.test("every status that rws responds with is in the table of responses", async (t) => {
  const [rows = []] = tablesOf("case", "response")
  const responses = rows.map(([, response = ""]) => response).join("\n")
  for (const row of Object.values(CLOSE_REASONS)) {
    if ("status" in row && row.status !== 500) t.match(responses, new RegExp(`\\b${row.status}\\b`))
  }
})

t.test("the two quick-start commands come first, and every npm script mentioned exists", async (t) => {
  const [commands = ""] = blocksOf("sh")
  t.match(commands, /^npm ci && npm start\b/m)
  t.match(commands, /^npm ci && npm test\b/m)
  const named = [...README.matchAll(/\bnpm (?:run )?(\w+)/g)].map(([, script = ""]) => script)
  const commandsOfNpm = ["ci", "install", "pack"]
  for (const script of new Set(named)) t.ok(commandsOfNpm.includes(script) || script in scripts, script)
})

t.test("every linked file exists", async (t) => {
  for (const [, file = ""] of README.matchAll(/\]\((?!https?:|#)([^)]+)\)/g)) {
    await t.resolves(access(join(ROOT, file)), file)
  }
})

/** Commands that need another rws that runs; their own tests give them one. */
const NEEDS_ANOTHER: readonly (string | undefined)[] = ["healthcheck"]

/** The arguments of every rws command line in the README: in shell blocks, the unit file and the text. */
function commandLines(): string[][] {
  const lines = [
    ...blocksOf("sh").flatMap((block) => block.split("\n")),
    ...blocksOf("ini")
      .flatMap((block) => block.split("\n"))
      .map((line) => line.replace(/^Exec\w+=\/usr\/bin\/env /, "")),
    ...codesIn(README),
  ]
  const commands = lines.filter((line) => /^rws(?: |$)/.test(line)).map((line) => line.replace(/ +#.*/, ""))
  return [...new Set(commands)]
    .map((command) => command.split(" ").slice(1))
    .filter(([command]) => !NEEDS_ANOTHER.includes(command))
}

/**
 * These need a running rws, or a registry. What they do is tested in bin/reload.test.ts, bin/ctl.test.ts,
 * bin/endpoints.test.ts and hazard/replaced-under-load.test.ts.
 */
const NEEDS_MORE = ["reload", "--replace", "ctl", "top", "endpoints"]

for (const args of commandLines().filter((args) => !args.some((word) => NEEDS_MORE.includes(word)))) {
  t.test(`the command "rws ${args.join(" ")}" works`, async (t) => {
    const cwd = await temporaryFolder(t)
    const file = join(cwd, "rws.config.toml")
    await writeFile(file, onFreePorts(firstExample))
    const here = args.map((argument, index) => {
      if (argument.startsWith("/etc/")) return file
      return args[index - 1] === "--bind" ? "127.0.0.1:0" : argument
    })
    const rws = startRws(t, here, { cwd })
    await rws.untilOutput(
      /"listening"|^echo backend .* on |^It works|^The configuration is valid|^Options:|^# Configuration of rws |^\[Unit\]|^\/\* rws interceptor \*\/|^ {2}"title": "rws"/m,
    )
    t.equal(rws.stderr, "")
  })
}

/** Makes an example bind a free port instead of its own. */
function onFreePorts(example: string): string {
  return example.replace(/(bind(?: = |\())"[\d.]+:\d+"/g, '$1"127.0.0.1:0"')
}

t.test("every TypeScript example compiles against our type declarations", async (t) => {
  const examples = blocksOf("ts")
  t.ok(examples.length > 0)
  t.strictSame((await complaintsAbout(t, examples)).flat(), [])
})

for (const [index, example] of blocksOf("ts").entries()) {
  t.test(`TypeScript example ${index + 1} runs to its end`, async (t) => {
    const cwd = await folderInPackage(t)
    await writeFile(join(cwd, "rws.config.toml"), onFreePorts(firstExample))
    const { outputText } = ts.transpileModule(onFreePorts(example), {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
    })
    await writeFile(join(cwd, "example.js"), outputText)
    const program = Program.start(t, process.execPath, ["example.js"], { cwd })
    const exit = await program.untilExit()
    t.strictSame({ ...exit, stderr: program.stderr }, { code: 0, signal: null, stderr: "" })
    if (example.includes("console.log(`listening"))
      t.match(program.stdout, /^listening on 127\.0\.0\.1:\d+$/m)
  })
}

t.test("the table of log fields is complete", async (t) => {
  const [rows = []] = tablesOf("field", "meaning")
  const documented = rows.flatMap(([fields = ""]) => codesIn(fields))
  const backend = await startEchoBackend(t, { "Sec-WebSocket-Protocol": "chat" })
  const logged = new Set<string>()
  const fields = { Origin: "https://app.example", "User-Agent": "ws", "Sec-WebSocket-Protocol": "chat" }
  for (const address of [backend.address, await deadAddress()]) {
    const listener = `[[ws_proxy]]\nbind = "127.0.0.1:0"\ntrusted_proxies = ["127.0.0.1"]\n`
    const route = `[[ws_proxy.route]]\npath = "/chat"\nregistry = "rooms"\nregistry_key = "query:room"\n`
    const file = join(await temporaryFolder(t), "rooms.json")
    await writeFile(file, JSON.stringify({ endpoints: { blue: { url: `ws://${address}` } } }))
    const registry = `[registry.rooms]\nstore = "file"\nfile = "${file}"\nallow_destinations = ["127.0.0.1"]\n`
    const { rws, address: bound } = await serveFile(t, listener + route + registry)
    const client = await RawPeer.connect(bound)
    const head = upgradeHead({ ...fields, "X-Forwarded-For": "192.0.2.1" }, "GET /chat?room=blue HTTP/1.1")
    await client.write(head).untilText("\r\n\r\n")
    client.socket.end()
    const line = await untilLogged(rws, ({ msg }) => msg === "session ended" || msg === "session refused")
    for (const field of Object.keys(line)) logged.add(field)
  }
  for (const ofEveryLine of ["level", "time", "msg"]) logged.delete(ofEveryLine)
  t.strictSame([...logged].sort(), documented.sort())
})

t.test("every reason in the section on the log exists", async (t) => {
  const [, section = ""] = /\n## The log\n([\s\S]*?)\n## /.exec(README) ?? []
  const named = codesIn(section).filter((code) => /_(fin|reset|timeout)$/.test(code))
  t.ok(named.length >= 6, "the reasons are found")
  for (const reason of named) t.ok(reason in CLOSE_REASONS, reason)
})

t.test("the service managers' stop timeouts are longer than the drain", async (t) => {
  const { drain_delay_ms, drain_timeout_ms, drain_spread_ms } = defaultsOf(LISTENER)
  const longestMs = Number(drain_delay_ms) + Number(drain_timeout_ms) + Number(drain_spread_ms) + CLOSING_MS
  t.ok(longestMs > CLOSING_MS)
  const [, stopSeconds] = /^TimeoutStopSec=(\d+)$/m.exec(blocksOf("ini").join("\n")) ?? []
  t.ok(Number(stopSeconds) * 1000 > longestMs, "systemd")

  const file = join(await temporaryFolder(t), "ecosystem.config.cjs")
  await writeFile(file, blockOf("js"))
  const [app] = createRequire(import.meta.url)(file).apps
  t.ok(app.kill_timeout > longestMs, "PM2")
})
