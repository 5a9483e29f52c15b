/** The published package: its files, and the internals of dependencies that it relies on. */
import { execFileSync } from "node:child_process"
import { createRequire } from "node:module"
import constants from "llhttp/lib/llhttp/constants.js"
import t from "tap"
import { projectPath, readProjectFile } from "../support/project/project.js"

const { dependencies } = JSON.parse(readProjectFile("package.json"))
const { packages } = JSON.parse(readProjectFile("package-lock.json"))

t.test("undici, whose internal files are used, is pinned to one version", async (t) => {
  const [, version] = /^npm:undici@(\d+\.\d+\.\d+)$/.exec(dependencies.llhttp) ?? []
  t.ok(version, dependencies.llhttp)
  t.equal(packages["node_modules/llhttp"].version, version)
})

const WASM_EXPORTS = [
  "_initialize",
  "malloc",
  "llhttp_alloc",
  "llhttp_free",
  "llhttp_reset",
  "llhttp_execute",
  "llhttp_finish",
  "llhttp_get_errno",
  "llhttp_get_error_pos",
  "llhttp_get_error_reason",
]
const WASM_IMPORTS = [
  "wasm_on_message_begin",
  "wasm_on_url",
  "wasm_on_status",
  "wasm_on_header_field",
  "wasm_on_header_value",
  "wasm_on_headers_complete",
  "wasm_on_body",
  "wasm_on_message_complete",
]

for (const build of ["llhttp_simd-wasm", "llhttp-wasm"]) {
  t.test(`${build} has the exports and imports that llhttp.ts relies on`, async (t) => {
    const module = new WebAssembly.Module(createRequire(import.meta.url)(`llhttp/lib/llhttp/${build}.js`))
    const exported = WebAssembly.Module.exports(module).map(({ kind, name }) => `${kind} ${name}`)
    for (const name of WASM_EXPORTS) t.ok(exported.includes(`function ${name}`), name)
    t.ok(exported.includes("memory memory"))
    const imported = WebAssembly.Module.imports(module).map(({ module, name }) => `${module} ${name}`)
    t.strictSame(imported.sort(), WASM_IMPORTS.map((name) => `env ${name}`).sort())
  })
}

t.test("llhttp's constants have the names and values that llhttp.ts relies on", async (t) => {
  t.match(constants, {
    ERROR: { OK: 0, PAUSED: 21, PAUSED_UPGRADE: 22 },
    TYPE: { REQUEST: 1, RESPONSE: 2 },
  })
})

t.test(
  "rws compiles against the types of the oldest supported Node.js, and users may have later ones",
  async (t) => {
    t.equal(dependencies["@types/node"], ">=20")
    t.match(packages["node_modules/@types/node"].version, /^20\./)
  },
)

const packed: { files: { path: string }[] }[] = JSON.parse(
  execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: projectPath("."),
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }),
)
const shipped = packed.flatMap(({ files }) => files.map(({ path }) => path))

t.test("the package contains the library with its types, the program and their documentation", async (t) => {
  const documents = ["CHANGELOG.md", "LICENSE", "README.md", "package.json", "rws.config.toml"]
  const code = shipped.filter((path) => !documents.includes(path))
  t.equal(code.length, shipped.length - documents.length)
  for (const path of code) t.match(path, /^dist\/(lib\/.*(\.js|\.d\.ts)|bin\/.*\.js)$/)
  const interceptor = ["dist/lib/interceptor/interceptor.js", "dist/lib/interceptor/interceptor.d.ts"]
  for (const path of ["dist/lib/index.js", "dist/lib/index.d.ts", "dist/bin/rws.js", ...interceptor])
    t.ok(code.includes(path), path)
})

t.test("no published file refers to a source map", async (t) => {
  const scripts = shipped.filter((path) => path.endsWith(".js"))
  for (const path of scripts) t.notMatch(readProjectFile(path), /sourceMappingURL/, path)
})
