/** The interceptor in pages of Chromium, in front of a real rws. */
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import t, { type Test } from "tap"
import { composeModule, composeScript } from "../../bin/interceptor.js"
import { makeCertificate } from "../e2e/tls/certificate.js"
import { isInstalled, PATH } from "../e2e/tls/terminator.js"
import { launchChromium, noChromium } from "../support/browser/chromium.js"
import {
  openTalkingPage,
  servePages,
  startTalkingBackend,
  TALK,
  talk,
  talked,
} from "../support/interceptor/talking-page.js"
import { deadAddress } from "../support/peers/backend.js"
import { Program, temporaryFolder } from "../support/program/program.js"
import { startProxy } from "../support/program/proxy.js"
import { blockOf, filesIn } from "../support/project/readme.js"

t.setTimeout(120_000)
const skip = noChromium
let browser: Browser
if (!skip) {
  browser = await launchChromium()
  t.teardown(() => browser.close())
}

/** A server of pages with the scripts of this package, and rws in front of a backend. */
async function serve(t: Test): Promise<{ pages: string; rws: string }> {
  const backend = await startTalkingBackend(t)
  const rws = await startProxy(t, {
    backends: [backend.address],
    route: [{ path: "/ws", strip_prefix: true }],
    trusted_proxies: ["private_ranges"],
  })
  const proxy = `ws://${rws.address()}`
  const pages = await servePages(t, {
    "/written.js": composeScript({ proxy: "/ws", endpointId: "written" }),
    "/written-module.js": composeModule({ proxy, endpointId: "module" }),
    "/worker.js": `import { installInterceptor } from "/interceptor.js"
      installInterceptor({ proxy: "${proxy}", endpointId: "worker" })
      ${TALK}
      talk("ws://chat.invalid/room").then(postMessage)`,
    "/classic-worker.js": `importScripts("/classic.js")
      rwsInterceptor.install({ proxy: "${proxy}", endpointId: "classic worker" })
      ${TALK}
      talk("ws://chat.invalid/room").then(postMessage)`,
  })
  return { pages, rws: rws.address() }
}

t.test(
  "a page with the module talks through rws, by text, bytes, subprotocol and close code",
  { skip },
  async (t) => {
    const { pages, rws } = await serve(t)
    const { page, complaints } = await openTalkingPage(
      t,
      browser,
      pages,
      `<script type="module">
      import { installInterceptor } from "/interceptor.js"
      window.uninstall = installInterceptor({
        proxy: "http://${rws}",
        map: { "wss://chat.invalid": "chat", "*.game.invalid": "game" },
      })
    </script>`,
    )
    t.same(
      await talk(page, "wss://chat.invalid/room?x=1", "chat.v1", "chat.v2"),
      talked(`ws://${rws}/room?x=1&endpointId=chat`, "/room?x=1&endpointId=chat", "chat.v2"),
    )
    t.same(
      await talk(page, "https://eu.game.invalid/%7Eme"),
      talked(`ws://${rws}/%7Eme?endpointId=game`, "/%7Eme?endpointId=game"),
    )
    t.same(await talk(page, `ws://${rws}/own`), talked(`ws://${rws}/own`, "/own"), "others are left alone")
    t.same(complaints, [])
  },
)

t.test("in Chromium the class can't be told from the native one", { skip }, async (t) => {
  const { pages, rws } = await serve(t)
  const { page } = await openTalkingPage(
    t,
    browser,
    pages,
    `<script>var old = new Native("ws://${rws}/old")</script>`,
  )
  const before = await page.evaluate(DESCRIPTION)
  await page.addScriptTag({ url: "/written.js" })
  t.same(await page.evaluate("WebSocket === Native"), false)
  t.same(await page.evaluate(DESCRIPTION), before)
  t.same(await page.evaluate("rwsInterceptor.uninstall(), WebSocket === Native"), true)
})

/** Everything that a script could look at, and the errors for wrong arguments. */
const DESCRIPTION = `(() => {
  const errors = [[], ["wss://"], ["ftp://a/"], ["ws://a/#b"], ["ws://a/", "b c"], ["ws://a/", ["b", "b"]]].map((args) => {
    try { new WebSocket(...args) } catch ({ name, message }) { return name + ": " + message }
  })
  const called = (() => { try { WebSocket("ws://a") } catch ({ name }) { return name } })()
  const socket = new WebSocket("/ws/x")
  class Mine extends WebSocket { get mine() { return this.url.length > 0 } }
  const mine = new Mine("/ws/x")
  const { enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(window, "WebSocket")
  return {
    errors, called, enumerable, writable, configurable,
    name: WebSocket.name, length: WebSocket.length,
    constants: [WebSocket.CONNECTING, WebSocket.OPEN, WebSocket.CLOSING, WebSocket.CLOSED, socket.OPEN, socket.readyState],
    tag: Object.prototype.toString.call(socket),
    instances: [socket instanceof WebSocket, socket instanceof Native, old instanceof WebSocket, socket instanceof EventTarget],
    others: [{} instanceof WebSocket, socket instanceof Mine, mine instanceof Mine, mine instanceof WebSocket, mine.mine],
    constructor: socket.constructor === WebSocket,
    types: [typeof WebSocket.prototype.send, "onmessage" in WebSocket.prototype, typeof socket.close],
  }
})()`

t.test("a classic script takes its options from its tag", { skip }, async (t) => {
  const { pages, rws } = await serve(t)
  const { page, complaints } = await openTalkingPage(
    t,
    browser,
    pages,
    `<script src="/classic.js" data-proxy="ws://${rws}" data-endpoint-id="a b" data-match="chat.invalid"></script>`,
  )
  t.same(
    await talk(page, "ws://chat.invalid:9000/room"),
    talked(`ws://${rws}/room?endpointId=a%20b`, "/room?endpointId=a%20b"),
  )
  t.same(complaints, [])
})

t.test("a module with its options in it works by being imported", { skip }, async (t) => {
  const { pages, rws } = await serve(t)
  const { page, complaints } = await openTalkingPage(
    t,
    browser,
    pages,
    '<script type="module" src="/written-module.js"></script>',
  )
  t.same(
    await talk(page, "/relative"),
    talked(`ws://${rws}/relative?endpointId=module`, "/relative?endpointId=module"),
  )
  t.same(complaints, [])
})

for (const [script, key, options] of [
  ["/worker.js", "worker", '{ type: "module" }'],
  ["/classic-worker.js", "classic%20worker", "{}"],
]) {
  t.test(`it works in the worker ${script}`, { skip }, async (t) => {
    const { pages, rws } = await serve(t)
    const { page } = await openTalkingPage(t, browser, pages)
    const told = await page.evaluate(
      `new Promise((resolve) => { new Worker("${script}", ${options}).onmessage = ({ data }) => resolve(data) })`,
    )
    t.same(told, talked(`ws://${rws}/room?endpointId=${key}`, `/room?endpointId=${key}`))
  })
}

/** The README's snippet for a page, with the addresses of this test. */
function snippet(tag: string, rws: string): string {
  const block = tag === "mjs" ? (filesIn(tag).get("page.mjs") ?? "") : blockOf(tag)
  return block
    .replace("rws-proxy/interceptor", "/interceptor.js")
    .replace("/rws-interceptor.js", "/classic.js")
    .replace(/wss:\/\/ws\.example\.com"|(?<=data-proxy=")\/ws"/, `ws://${rws}"`)
}

for (const tag of ["mjs", "html"]) {
  t.test(
    `the README's snippet in ${tag} sends the WebSockets of its origins through rws`,
    { skip },
    async (t) => {
      const { pages, rws } = await serve(t)
      const code = snippet(tag, rws)
      const head = tag === "html" ? code : `<script type="module">${code}</script>`
      const { page, complaints } = await openTalkingPage(t, browser, pages, head)
      const url = `ws://${rws}/room?x=1&endpointId=chat`
      t.same(await talk(page, "wss://chat.example.net/room?x=1"), talked(url, "/room?x=1&endpointId=chat"))
      t.match((await talk(page, "wss://eu.games.example.net/")).url, `ws://${rws}/?endpointId=`)
      t.same(complaints, [])
    },
  )
}

const noNginx = !process.env.CI && !(await isInstalled("nginx")) && "nginx is not installed"

t.test(
  "a page over https reaches a ws:// backend through nginx and rws",
  { skip: skip || noNginx },
  async (t) => {
    const { pages, rws } = await serve(t)
    const listen = await startNginx(t, new URL(pages).host, rws)
    const { page } = await openTalkingPage(t, browser, `https://${listen}/`, "", { ignoreHTTPSErrors: true })
    const mixed = "ws://192.0.2.1:9000/room?x=1"
    t.match(
      await page.evaluate(`talk("${mixed}").catch(({ name }) => name)`),
      "SecurityError",
      "the browser alone",
    )
    await page.addScriptTag({ url: "/written.js" })
    t.same(
      await talk(page, mixed, "chat.v2"),
      talked(`wss://${listen}/ws/room?x=1&endpointId=written`, "/room?x=1&endpointId=written", "chat.v2"),
    )
  },
)

/** Terminates TLS for the pages, and below /ws for rws. Returns its address. */
async function startNginx(t: Test, pages: string, rws: string): Promise<string> {
  const listen = await deadAddress()
  const folder = await temporaryFolder(t)
  const { certificateFile, keyFile } = await makeCertificate(t, folder)
  const file = join(folder, "nginx.conf")
  await writeFile(
    file,
    `daemon off; pid ${folder}/nginx.pid; error_log stderr notice; events {}
    http {
      access_log off; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p;
      fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
      server {
        listen ${listen} ssl;
        ssl_certificate ${certificateFile};
        ssl_certificate_key ${keyFile};
        location / { proxy_pass http://${pages}; }
        location /ws/ {
          proxy_pass http://${rws}; proxy_http_version 1.1; proxy_set_header Host $http_host;
          proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
          proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
        }
      }
    }`,
  )
  const options = { cwd: folder, env: { PATH }, end: "SIGTERM" } as const
  const nginx = Program.start(t, "nginx", ["-e", "stderr", "-c", file], options)
  await nginx.untilOutput(/start worker process \d/)
  return listen
}
