import { gzipSync } from "node:zlib"
import t from "tap"
import { composeModule, composeScript } from "../../../bin/interceptor.js"
import { CommandLines } from "../../support/program/command-lines.js"
import { complaintsAbout } from "../../support/program/consumer.js"
import { readProjectFile } from "../../support/project/project.js"

const MAX_BYTES = 2048
const commandLines = CommandLines.start(t)

const OPTIONS = { proxy: "/ws", endpointId: "a</script>b", match: ["a.example", "*.b"], parameter: "id" }
const FLAGS = ["--proxy", "/ws", "--endpoint-id=a</script>b", "--match", "a.example *.b", "--parameter", "id"]

const printed = [
  { flags: [], text: composeScript() },
  { flags: ["--module"], text: composeModule() },
  { flags: FLAGS, text: composeScript(OPTIONS) },
  { flags: ["--module", ...FLAGS], text: composeModule(OPTIONS) },
]

for (const { flags, text } of printed) {
  t.test(`rws interceptor ${flags.join(" ")} prints a script of at most 2 KiB`, async (t) => {
    t.match(await commandLines.run(["interceptor", ...flags]), { code: 0, stderr: "", stdout: text })
    const bytes = gzipSync(text, { level: 9 }).length
    t.comment(`${bytes} bytes, ${text.length} before gzip`)
    t.ok(bytes <= MAX_BYTES, `${bytes} bytes`)
    t.notMatch(text, /^\s*(\*|\/\/|\/\*\*)/m, "no comments")
    t.notMatch(text, "</script", "it may stand within a page")
  })
}

const mistakes: readonly { flags: readonly string[]; message: RegExp }[] = [
  { flags: ["--proxy", "ftp://a"], message: /^--proxy or --match: "ftp:\/\/a\/" is not a URL of ws, wss/ },
  { flags: ["--proxy", "wss://"], message: /^--proxy or --match: Invalid URL/ },
  {
    flags: ["--proxy", "/", "--match", "a/b"],
    message: /^--proxy or --match: "a\/b" is not an origin or host/,
  },
  { flags: ["--endpoint-id", "k"], message: /endpoint-id -> proxy/ },
  { flags: ["--proxy"], message: /proxy/ },
  { flags: ["--proxies", "a"], message: /unknown/ },
]

for (const { flags, message } of mistakes) {
  t.test(`rws interceptor ${flags.join(" ")} is refused`, async (t) => {
    t.match(await commandLines.run(["interceptor", ...flags]), { code: 2, stdout: "", stderr: message })
  })
}

t.test("the package exports the module, which imports nothing, with its types", async (t) => {
  const { installInterceptor } = await import("rws-proxy/interceptor")
  t.type(installInterceptor, "function")
  t.notMatch(readProjectFile("lib/interceptor/interceptor.ts"), /^import /m)
  const from = 'import { installInterceptor } from "rws-proxy/interceptor"\n'
  const [right, wrong] = await complaintsAbout(t, [
    `${from}const uninstall: () => void = installInterceptor({
      proxy: "/ws",
      map: (url) => url.hostname,
      match: [/a/, "*.example.com", (url) => url.port === ""],
    })
    export default uninstall`,
    `${from}installInterceptor({ endpointId: "k" })`,
  ])
  t.same(right, [])
  t.match(wrong, [/'proxy' is missing/])
})
