import { createHash } from "node:crypto"
import { Script } from "node:vm"
import t from "tap"
import { CLIENT_MODULES, composePage, FIGURES, joinModules } from "../../../lib/admin/page/page.js"
import { pageRoute } from "../../../lib/admin/page/page-route.js"
import { sourcesIn } from "../../support/project/project.js"

const { html, policy } = composePage()
const [, style = ""] = /<style>([\s\S]*?)<\/style>/.exec(html) ?? []
const [, script = ""] = /<script type="module">([\s\S]*?)<\/script>/.exec(html) ?? []

t.test("the page's policy allows its one style and its one script by their hashes", async (t) => {
  t.match(policy, `script-src '${hashOf(script)}';`)
  t.match(policy, `style-src '${hashOf(style)}';`)
  t.match(policy, "default-src 'none'")
  t.notMatch(policy, /unsafe|\*|https?:/)
  t.equal(html.split("<script").length, 2)
  t.equal(html.split("<style").length, 2)
})

t.test("the page loads nothing and has no inline handlers or styles", async (t) => {
  const markup = html.replace(style, "").replace(script, "")
  t.notMatch(markup, /\s(?:src|on\w+|style|action)=/)
  for (const [, target = ""] of markup.matchAll(/\shref="([^"]*)"/g)) t.match(target, /^(#|data:|\/\w)/)
  t.notMatch(style, /url\(|@import/)
})

t.test("every id is unique, and every label, list and reference has its element", async (t) => {
  const ids = Array.from(html.matchAll(/\sid="([^"]*)"/g), ([, id]) => id)
  t.same(ids.length, new Set(ids).size)
  for (const [, id] of html.matchAll(/\s(?:aria-labelledby|list)="([^"]*)"/g))
    t.ok(ids.includes(id), String(id))
})

t.test("the script is the joined modules of its folder, in one scope without name clashes", async (t) => {
  const modules = sourcesIn("lib/admin/page/client").map((path) => path.replace(/^.*\/|\.ts$/g, ""))
  t.same(CLIENT_MODULES.filter((name) => name !== FIGURES).sort(), modules.sort())
  t.notMatch(script, /^(?:import|export)\b/m)
  t.doesNotThrow(() => new Script(`(async () => {${script}})`))
})

t.test("modules are joined without their imports and exports", async (t) => {
  const joined = joinModules([
    "export const one = 1;\nexport {};\n",
    'import { one } from "./one.js";\nimport {\n  two,\n} from "./two.js";\nexport function three() {}\n',
  ])
  t.equal(joined, "const one = 1;\nfunction three() {}\n")
})

t.test("the page needs no token, as it holds nothing of the proxy's state", async (t) => {
  const { isPublic, method, path, handle } = pageRoute()
  t.strictSame([isPublic, method, path], [true, "GET", "/"])
  const request = { params: {}, query: new URLSearchParams(), body: undefined, signal: AbortSignal.abort() }
  const { status, type, headers } = await handle(request)
  t.strictSame([status, type], [200, "text/html; charset=utf-8"])
  t.equal(headers?.["Content-Security-Policy"], policy)
})

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`
}
