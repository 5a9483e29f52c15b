import t from "tap"
import { History } from "../../lib/admin/history.js"
import { OPENAPI } from "../../lib/admin/openapi.js"
import { adminRoutes } from "../../lib/admin/routes.js"
import type { AdminSource } from "../../lib/admin/source.js"

/** No route is called. */
const SOURCE = {} as AdminSource

type Operation = {
  readonly summary: string
  readonly security?: readonly object[]
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
}
const paths = OPENAPI.paths as Readonly<Record<string, Readonly<Record<string, Operation>>>>
const documented = Object.entries(paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({ path, method, operation })),
)

const routes = adminRoutes({
  source: SOURCE,
  history: new History(),
  metrics: { contentType: "", text: async () => "" },
  isReady: () => true,
}).map(({ method, path, isPublic }) => ({
  name: `${method.toLowerCase()} ${path.replace(/:(\w+)/g, "{$1}")}`,
  isPublic,
}))

t.test("the document has the routes of the admin server, and no others", async (t) => {
  t.strictSame(
    documented.map(({ path, method }) => `${method} ${path}`).sort(),
    routes.map(({ name }) => name).sort(),
  )
})

t.test("the document says which routes need no token", async (t) => {
  t.strictSame(
    documented
      .filter(({ operation }) => operation.security?.length === 0)
      .map(({ path, method }) => `${method} ${path}`)
      .sort(),
    routes
      .filter(({ isPublic }) => isPublic)
      .map(({ name }) => name)
      .sort(),
  )
})

t.test("each operation has a summary and describes the parts of its path", async (t) => {
  for (const { path, method, operation } of documented) {
    t.type(operation.summary, "string", `${method} ${path}`)
    const written = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const described = (operation.parameters ?? []).filter((parameter) => parameter.in === "path")
    t.strictSame(
      described.map(({ name }) => name),
      written,
      `${method} ${path}`,
    )
  }
})

t.test("each reference leads to a schema", async (t) => {
  const references = [...JSON.stringify(OPENAPI).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)]
  t.ok(references.length > 0)
  for (const [, name = ""] of references) t.ok(Object.hasOwn(OPENAPI.components.schemas, name), name)
})
