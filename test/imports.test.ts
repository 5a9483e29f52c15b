/** The house has rooms, and each looks only at rooms before it (section 2 of the design). */
import { posix } from "node:path"
import t from "tap"
import ts from "typescript"
import { readProjectFile, sourcesIn } from "./support/project/project.js"

/**
 * Rooms of lib in their order. Those of one row know nothing of each other. A folder is a room, and so is a
 * file at the top.
 */
const ROOMS: readonly (readonly string[])[] = [
  ["close-reason.ts", "shared", "interceptor"],
  ["settings"],
  ["address"],
  ["http"],
  ["upgrade"],
  ["forwarding"],
  ["net", "limits"],
  ["pool", "access"],
  ["registry"],
  ["routing"],
  ["config"],
  ["ops"],
  ["session"],
  ["metrics"],
  ["admin"],
  ["proxy"],
  ["builder.ts"],
  ["index.ts"],
]

/** What each source imports, types and re-exports included: sources by their path, packages by their name. */
const imports = new Map(
  [...sourcesIn("lib"), ...sourcesIn("bin")].map((path) => {
    const { importedFiles } = ts.preProcessFile(readProjectFile(path), true, true)
    return [path, importedFiles.map(({ fileName }) => resolve(path, fileName))]
  }),
)

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, ".ts")
}

function roomOf(path: string): string {
  return path.split("/")[1] ?? ""
}

function rankOf(path: string): number {
  return ROOMS.findIndex((row) => row.includes(roomOf(path)))
}

function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/")
}

const edges = [...imports].flatMap(([from, targets]) => targets.map((to) => ({ from, to })))
const inLib = (path: string) => path.startsWith("lib/")
const inBin = (path: string) => path.startsWith("bin/")
const importersOf = (pattern: RegExp) =>
  [...new Set(edges.filter(({ to }) => pattern.test(to)).map(({ from }) => from))].sort()

t.test("every relative import names an existing source file", async (t) => {
  t.ok(edges.length > 50, "the imports were found")
  for (const { from, to } of edges) if (inLib(to) || inBin(to)) t.ok(imports.has(to), `${from} imports ${to}`)
})

t.test("there are no circular imports, not even of types", async (t) => {
  const done = new Set<string>()
  const circleFrom = (path: string, way: readonly string[]): readonly string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path]
    if (done.has(path)) return undefined
    for (const to of imports.get(path) ?? []) {
      const circle = circleFrom(to, [...way, path])
      if (circle !== undefined) return circle
    }
    done.add(path)
    return undefined
  }
  for (const path of imports.keys()) t.equal(circleFrom(path, [])?.join(" imports "), undefined)
})

t.test("every source of lib is in a known folder, and every known folder exists", async (t) => {
  const sources = [...imports.keys()].filter(inLib)
  for (const path of sources) t.ok(rankOf(path) >= 0, path)
  const rooms = new Set(sources.map(roomOf))
  for (const room of ROOMS.flat()) t.ok(rooms.has(room), room)
})

t.test("a file of lib imports only from its own room and from rooms before it", async (t) => {
  for (const { from, to } of edges) {
    if (!inLib(from) || !inLib(to)) continue
    t.ok(roomOf(from) === roomOf(to) || rankOf(to) < rankOf(from), `${from} imports ${to}`)
  }
})

t.test("the command line imports the library and never the other way round", async (t) => {
  t.same(
    edges.filter(({ from, to }) => inLib(from) && !inLib(to) && to.endsWith(".ts")),
    [],
  )
  t.ok(edges.some(({ from, to }) => inBin(from) && inLib(to)))
})

t.test("only one file imports llhttp", async (t) => {
  t.same(importersOf(/^llhttp\//), ["lib/http/llhttp.ts"])
  const sayIt = [...imports.keys()].filter((path) => /["'`]llhttp\b/.test(readProjectFile(path)))
  t.same(sayIt, ["lib/http/llhttp.ts"], "not by another way of loading either")
})

t.test("only the admin server uses Node's HTTP", async (t) => {
  const files = ["lib/admin/connections.ts", "lib/admin/messages.ts", "lib/admin/server.ts"]
  t.same(importersOf(/^(node:)?(http2?|https|_http_.*)$/).filter(inLib), files)
})

t.test("only net imports TLS, and lazily", async (t) => {
  const sayIt = [...imports.keys()].filter((path) => /getBuiltinModule\(/.test(readProjectFile(path)))
  t.same(sayIt, ["lib/net/connection.ts", "lib/net/secure-context.ts"])
})

const KNOWN_BY: { packages: RegExp; rooms: RegExp }[] = [
  {
    packages: /^(zod|smol-toml|toml-eslint-parser|fastest-levenshtein)$/,
    rooms:
      /^lib\/(config\/|settings\/(kinds|setting)\.ts|[a-z]+\/[a-z-]+-(settings|schema|keys)\.ts$|registry\/file-source\.ts)|^bin\//,
  },
  { packages: /^prom-client$/, rooms: /^lib\/metrics\/registry\.ts$/ },
  { packages: /^pino(-pretty)?$/, rooms: /^lib\/ops\/pino-log\.ts$/ },
  { packages: /^node:tls$/, rooms: /^lib\/(net\/|pool\/pool-runtime\.ts$)/ },
  { packages: /^re2js$/, rooms: /^lib\/routing\/path-pattern\.ts$/ },
  { packages: /^node:net$/, rooms: /^lib\/(net\/|address\/|session\/(pump|tunnel)|forwarding\/)/ },
  {
    packages: /^node:fs/,
    rooms:
      /^(lib\/(admin\/page\/page|config\/load|limits\/descriptors|net\/(unix-socket|inherited-sockets|local-fault)|metrics\/registry|ops\/line-writer|proxy\/admin|settings\/regular-file|shared\/file-watch)|bin\/(endpoint-file|admin-client|config-options|interceptor|pid-file))\.ts$/,
  },
  { packages: /^redis$/, rooms: /^lib\/registry\/redis-store\.ts$/ },
  { packages: /^undici$/, rooms: /^lib\/net\/http-client\.ts$/ },
  { packages: /^jose$/, rooms: /^lib\/access\/verify-token\.ts$/ },
  { packages: /^(ws|yargs)$/, rooms: /^bin\// },
]

for (const { packages, rooms } of KNOWN_BY) {
  t.test(`packages like ${packages.source} are imported in ${rooms.source} only`, async (t) => {
    const importers = edges.filter(({ to }) => packages.test(packageOf(to)) || packages.test(to))
    t.ok(importers.length > 0)
    for (const { from, to } of importers) t.match(from, rooms, to)
  })
}

t.test("lib and bin import exactly the packages that package.json lists", async (t) => {
  const { dependencies } = JSON.parse(readProjectFile("package.json")) as {
    dependencies: Record<string, string>
  }
  const used = edges.map(({ to }) => to).filter((to) => !to.startsWith("node:") && !inLib(to) && !inBin(to))
  // Types are imported by nobody: the compiler finds them.
  const imported = Object.keys(dependencies).filter((name) => !name.startsWith("@types/"))
  t.same([...new Set(used.map(packageOf))].sort(), imported.sort())
})
